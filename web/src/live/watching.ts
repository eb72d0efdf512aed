// The session that this page watches with: connection, cameras and all that is known of it.
import { Call } from "../api/call";
import type { Socket } from "../api/call";
import { Connection } from "../api/connection";
import type { ConnectionState, Handle } from "../api/connection";
import type { Perceived } from "../api/events";
import { words } from "../api/messages";
import type { ClientMessage, InstructionWish, Label, Persona } from "../api/messages";
import type { ServerMessage } from "../api/messages";
import { isWelcome, signedIn } from "../api/rest";
import { Camera } from "./camera";
import type { CameraKind } from "./camera";
import { SessionZero } from "./pace";
import { EMPTY, reduce } from "./state";
import type { LiveState } from "./state";
import { Speaker } from "./voice";

const CALL_AGAIN_MS = 8000;
const TRANSPORT = "onlooker.transport"; // kept by the browser: "call", or nothing

export function wantsCall(): boolean {
  return localStorage.getItem(TRANSPORT) === "call";
}

// From the next connection on.
export function wantCall(isWanted: boolean): void {
  if (isWanted) localStorage.setItem(TRANSPORT, "call");
  else localStorage.removeItem(TRANSPORT);
}

export interface Snapshot {
  live: LiveState;
  connection: ConnectionState | "idle";
  why: string;
  cameras: Camera[];
  isPaused: boolean;
  isVoiceOn: boolean;
  isCall: boolean; // the connection is WebRTC
}

const IDLE: Snapshot = {
  live: EMPTY,
  connection: "idle",
  why: "",
  cameras: [],
  isPaused: false,
  isVoiceOn: false,
  isCall: false,
};
const KEPT = "onlooker.session"; // so that a reload finds its session again

export class Watching {
  private snapshot: Snapshot = IDLE;
  private readonly readers = new Set<() => void>();
  private readonly speaker = new Speaker();
  private call: Call | null = null;
  private wished: InstructionWish[] | null = null; // while there was no connection
  private calledAgainMs = -Infinity;
  private hasCallFailed = false; // then it is not tried again
  private connection: Connection | null = null;
  private zero = new SessionZero();

  readonly subscribe = (reader: () => void): (() => void) => {
    this.readers.add(reader);
    return () => this.readers.delete(reader);
  };

  readonly read = (): Snapshot => this.snapshot;

  // Opens a session if there is none, and takes up the one from before a reload.
  connect(resume: Handle | null = null): void {
    if (this.connection) return;
    this.zero = new SessionZero();
    const { cameras, isVoiceOn } = this.snapshot;
    this.change({ ...IDLE, cameras, isVoiceOn });
    this.connection = new Connection({
      token: signedIn(),
      isWelcome,
      open: (url, protocols) => this.open(url, protocols),
      resume: resume && { ...resume, seq: -1 }, // everything is told again
      onMessage: (message) => this.take(message),
      onState: (connection, why) => this.became(connection, why),
      onHandle: (handle) => sessionStorage.setItem(KEPT, JSON.stringify(handle)),
    });
  }

  resume(): void {
    const kept = sessionStorage.getItem(KEPT);
    if (kept) this.connect(JSON.parse(kept) as Handle);
  }

  async show(what: { kind: CameraKind; file?: File; deviceId?: string }): Promise<void> {
    const name = this.freeName(what.kind === "webcam" ? "camera" : what.kind);
    const camera = await Camera.open(
      name,
      what,
      (message) => this.connection?.sendNow(message) ?? false,
      () => ({ zeroMs: this.zero.zeroMs, periodMs: this.periodMs }),
      (ended) => this.hide(ended.name),
    );
    camera.isPaused = this.snapshot.isPaused;
    this.change({ cameras: [...this.snapshot.cameras, camera] });
    if (this.connection && this.mayCall) this.connection.again(); // a call carries what is there
    else this.connect();
  }

  watch(address: string, name: string): void {
    this.connect();
    const stream = this.freeName(name);
    this.send({ type: "onlooker.stream.add", stream, address });
  }

  hide(name: string): void {
    const camera = this.snapshot.cameras.find((one) => one.name === name);
    camera?.stop();
    const cameras = this.snapshot.cameras.filter((one) => one !== camera);
    const { live } = this.snapshot;
    const streams = live.streams.filter((one) => one !== name);
    this.change({ cameras, live: { ...live, streams, gone: [...live.gone, name] } });
    this.send({ type: "onlooker.stream.remove", stream: name });
  }

  pause(isPaused: boolean): void {
    for (const camera of this.snapshot.cameras) camera.isPaused = isPaused;
    this.call?.pause(isPaused);
    this.change({ isPaused });
  }

  stop(): void {
    this.hasCallFailed = false; // the next session may try again
    for (const camera of this.snapshot.cameras) camera.stop();
    this.connection?.close();
    this.connection = null;
    sessionStorage.removeItem(KEPT);
    this.speaker.mute(true);
    this.change(IDLE);
  }

  say(text: string): void {
    this.send(words(text));
  }

  instruct(instructions: InstructionWish[]): void {
    if (this.snapshot.connection !== "open") this.wished = instructions;
    this.change({ live: { ...this.snapshot.live, instructions } });
    this.update({ instructions });
  }

  become(persona: Persona): void {
    this.change({ live: { ...this.snapshot.live, persona } });
    this.update({ persona });
  }

  talk(talkativeness: number): void {
    this.change({ live: { ...this.snapshot.live, talkativeness } });
    this.update({ talkativeness });
  }

  // Whether a call takes the microphone's sound: then it need not be sent as messages.
  carryMicrophone(track: MediaStreamTrack | null): boolean {
    this.call?.hear(track);
    return this.call !== null;
  }

  // Says aloud what it says, or no more.
  voice(isVoiceOn: boolean): void {
    this.speaker.mute(!isVoiceOn);
    this.change({ isVoiceOn });
    this.wantVoice();
  }

  soundLike(output: { voice?: string; speed?: number }): void {
    this.send({ type: "session.update", session: { type: "realtime", audio: { output } } });
  }

  label(tick: number, label: Label): void {
    this.send({ type: "onlooker.label", tick, label });
  }

  cancelTask(taskId: string): void {
    this.send({ type: "onlooker.task.cancel", task_id: taskId });
  }

  forgiveError(): void {
    this.change({ live: { ...this.snapshot.live, error: "" } });
  }

  send(message: ClientMessage): void {
    this.connection?.send(message);
  }

  sendNow(message: ClientMessage): boolean {
    return this.connection?.sendNow(message) ?? false;
  }

  private get mayCall(): boolean {
    const canAll = this.snapshot.cameras.every((camera) => camera.track !== null);
    return wantsCall() && !this.hasCallFailed && canAll && "RTCPeerConnection" in window;
  }

  // A WebSocket, or a call if that is wanted, possible, and has not failed before.
  private open(url: string, protocols: string[]): Socket {
    if (!this.mayCall) return new WebSocket(url, protocols) as unknown as Socket;
    const carried = this.snapshot.cameras.flatMap(({ name, track }) =>
      track ? [{ stream: name, track }] : [],
    );
    const call = new Call(new URL(url).searchParams, protocols, carried, (state) => {
      if (state === "failed") this.hasCallFailed = true;
      if (state === "open") this.call = call;
      else if (this.call === call) this.call = null;
      const names = this.call === call ? carried.map((one) => one.stream) : [];
      for (const camera of this.snapshot.cameras) camera.isCarried = names.includes(camera.name);
      if (this.call && this.snapshot.isPaused) call.pause(true);
      this.change({ isCall: this.call !== null });
    });
    return call;
  }

  private get periodMs(): number {
    return 1000 * (this.snapshot.live.session?.onlooker.period_s ?? 1);
  }

  // Each connection says anew whether it wants the sound.
  private wantVoice(): void {
    const output_modalities: ["audio" | "text"] = [this.snapshot.isVoiceOn ? "audio" : "text"];
    this.send({ type: "session.update", session: { type: "realtime", output_modalities } });
  }

  private update(onlooker: {
    instructions?: InstructionWish[];
    persona?: Persona;
    talkativeness?: number;
  }): void {
    this.send({ type: "session.update", session: { type: "realtime", onlooker } });
  }

  private freeName(wanted: string): string {
    const taken = new Set([
      ...this.snapshot.live.streams,
      ...this.snapshot.live.gone,
      ...this.snapshot.cameras.map((camera) => camera.name),
    ]);
    if (!taken.has(wanted)) return wanted;
    let number = 2;
    while (taken.has(`${wanted}-${number}`)) number += 1;
    return `${wanted}-${number}`;
  }

  private take(message: ServerMessage): void {
    const atMs = performance.now();
    if (message.type === "session.created") this.zero.hear(message.session.onlooker.now_s, atMs, 0);
    if (message.type === "onlooker.decided") {
      this.zero.hear(message.time_s, atMs, message.latency_ms);
    }
    if (message.type === "onlooker.perceived") this.lookedAt(message);
    if (message.type === "onlooker.stream_health") this.isWell(message.stream, message.state);
    if (message.type === "session.created") {
      if (this.snapshot.isVoiceOn) this.wantVoice();
      const isShort = this.snapshot.cameras.some((one) => one.track && !one.isCarried);
      if (this.call && isShort) this.connection?.again(); // one came while it was dialled
    }
    this.speaker.take(message);
    let live = reduce(this.snapshot.live, message, atMs);
    if (message.type === "session.created" && this.wished) {
      // It waits to be sent, and what the server knows yet is older.
      live = { ...live, instructions: this.wished };
      this.wished = null;
    }
    this.change({ live });
  }

  // Video of a call that lost packets may stand still for a minute in the server's receiver: a new
  // call for the same session has it back at once.
  private isWell(stream: string | null, state: string): void {
    const camera = this.snapshot.cameras.find((one) => one.name === stream);
    const nowMs = performance.now();
    if (state !== "lost" || !camera?.isCarried || this.snapshot.isPaused) return;
    if (nowMs - this.calledAgainMs < CALL_AGAIN_MS) return;
    this.calledAgainMs = nowMs;
    this.connection?.again();
  }

  private lookedAt(message: Omit<Perceived, "type">): void {
    const pictures = message.percepts.flatMap((one) => (one.type === "pictures" ? one.pictures : []));
    for (const picture of pictures) {
      const camera = this.snapshot.cameras.find((one) => one.name === picture.stream);
      camera?.looked(1000 * (message.time_s - picture.time_s));
    }
  }

  private became(connection: ConnectionState, why: string): void {
    this.change({ connection, why });
    if (connection !== "ended" && connection !== "refused") return;
    this.connection = null;
    sessionStorage.removeItem(KEPT);
    for (const camera of this.snapshot.cameras) camera.stop();
    this.change({ cameras: [] });
  }

  private change(change: Partial<Snapshot>): void {
    this.snapshot = { ...this.snapshot, ...change };
    for (const reader of this.readers) reader();
  }
}
