// The same connection by WebRTC: events over a data channel, cameras and microphone as real media.
// To the outside it is a socket, so that resuming and falling back are the business of one place.
import { call } from "./rest";

export interface Socket {
  readonly readyState: number;
  readonly bufferedAmount: number;
  onmessage: ((event: { data: unknown }) => void) | null;
  onclose: ((event: { code: number; reason: string }) => void) | null;
  send(text: string): void;
  close(code?: number): void;
}

export type CallState = "open" | "over" | "failed"; // failed: it never came about

export interface Carried {
  stream: string;
  track: MediaStreamTrack;
}

const [CONNECTING, OPEN, CLOSED] = [0, 1, 3];
const OPEN_MS = 8000; // in which a call comes about
const DISCONNECTED_MS = 12_000; // for which a call may be interrupted, and goes on
const LINGER_MS = 500;
const LONGEST_SIDE_PX = 640;
const MAX_FRAMES_PER_S = 10; // it is looked at once a second
const CODES: Record<number, number> = { 401: 4401, 403: 4403, 404: 4404 };

export class Call implements Socket {
  readyState = CONNECTING;
  onmessage: Socket["onmessage"] = null;
  onclose: Socket["onclose"] = null;
  private peer: RTCPeerConnection | null = null;
  private channel: RTCDataChannel | null = null;
  private microphone: RTCRtpSender | null = null;
  private readonly senders: [RTCRtpSender, MediaStreamTrack][] = [];
  private readonly found: RTCIceCandidate[] = []; // before the server could be told
  private location = "";
  private session = ""; // that this call opened
  private timer = 0;
  private lingerMs = 0;

  // Address and protocols are those of a WebSocket.
  constructor(
    private readonly query: URLSearchParams,
    private readonly protocols: string[],
    private readonly carried: Carried[],
    private readonly onState: (state: CallState) => void,
  ) {
    this.timer = window.setTimeout(() => this.end(1006, "no call came about"), OPEN_MS);
    this.dial().catch((error: unknown) => {
      const { status = 0, message = "" } = error as { status?: number; message?: string };
      this.end(CODES[status] ?? 1006, message);
    });
  }

  get bufferedAmount(): number {
    return this.channel?.bufferedAmount ?? 0;
  }

  send(text: string): void {
    const most = this.peer?.sctp?.maxMessageSize ?? 0;
    if (this.channel?.readyState === "open" && text.length <= most) this.channel.send(text);
  }

  // What was sent last is still on its way.
  close(): void {
    if (this.readyState === OPEN) this.lingerMs = LINGER_MS;
    this.end(1000, "");
  }

  // What the microphone hears, from now on; null: nothing.
  hear(track: MediaStreamTrack | null): void {
    void this.microphone?.replaceTrack(track);
  }

  // A paused camera sends nothing: a black picture would be one, too.
  pause(isPaused: boolean): void {
    for (const [sender, track] of this.senders) void sender.replaceTrack(isPaused ? null : track);
  }

  private async dial(): Promise<void> {
    const peer = new RTCPeerConnection({ iceServers: await iceServers() });
    if (this.readyState === CLOSED) return peer.close();
    this.peer = peer;
    peer.onicecandidate = ({ candidate }) => candidate && this.tell(candidate);
    peer.onconnectionstatechange = () => this.follow(peer.connectionState);
    this.listen(peer.createDataChannel("oai-events"));
    this.microphone = peer.addTransceiver("audio", { direction: "sendonly" }).sender;
    for (const { track } of this.carried) {
      const { width = 0, height = 0 } = track.getSettings();
      const scaleResolutionDownBy = Math.max(1, Math.max(width, height) / LONGEST_SIDE_PX);
      const sendEncodings = [{ scaleResolutionDownBy, maxFramerate: MAX_FRAMES_PER_S }];
      const { sender } = peer.addTransceiver(track, { direction: "sendonly", sendEncodings });
      this.senders.push([sender, track]);
    }
    await peer.setLocalDescription();
    this.query.set("streams", this.carried.map((one) => one.stream).join(","));
    const headers = { "Content-Type": "application/sdp", ...resumeOf(this.protocols) };
    const path = `v1/realtime/calls?${this.query}`;
    const response = await call("POST", path, peer.localDescription?.sdp, { headers });
    this.location = (response.headers.get("Location") ?? "").slice(1);
    if (!this.query.has("session")) this.session = response.headers.get("Onlooker-Session") ?? "";
    if (this.isClosed) return this.hangUp(false);
    await peer.setRemoteDescription({ type: "answer", sdp: await response.text() });
    for (const candidate of this.found.splice(0)) this.tell(candidate);
  }

  private get isClosed(): boolean {
    return this.readyState === CLOSED;
  }

  private listen(channel: RTCDataChannel): void {
    this.channel = channel;
    channel.onopen = () => {
      window.clearTimeout(this.timer);
      this.readyState = OPEN;
      this.onState("open");
    };
    channel.onmessage = ({ data }) => this.onmessage?.({ data });
    channel.onclose = () => this.end(1006, "");
  }

  // Trickle: each place at which we can be reached is told as it is found.
  private tell(candidate: RTCIceCandidate): void {
    if (!this.location) return void this.found.push(candidate);
    const fragment = `a=mid:${candidate.sdpMid}\r\na=${candidate.candidate}\r\n`;
    const headers = { "Content-Type": "application/trickle-ice-sdpfrag" };
    call("PATCH", this.location, fragment, { headers }).catch(() => undefined);
  }

  // A short interruption is none: what was sent meanwhile still arrives.
  private follow(state: RTCPeerConnectionState): void {
    if (state === "failed") return this.end(1006, "the call failed");
    if (this.readyState !== OPEN) return;
    window.clearTimeout(this.timer);
    if (state !== "disconnected") return;
    this.timer = window.setTimeout(() => this.end(1006, "interrupted for too long"), DISCONNECTED_MS);
  }

  private end(code: number, reason: string): void {
    if (this.isClosed) return;
    const wasOpen = this.readyState === OPEN;
    this.readyState = CLOSED;
    window.clearTimeout(this.timer);
    this.hangUp(wasOpen);
    this.onState(wasOpen || code !== 1006 ? "over" : "failed");
    this.onclose?.({ code, reason });
  }

  // The end of its channel ends a call. A session that nobody ever heard of is not left behind.
  private hangUp(wasOpen: boolean): void {
    this.channel?.close();
    window.setTimeout(() => this.peer?.close(), this.lingerMs);
    if (wasOpen || !this.location) return;
    const path = this.session ? `v1/sessions/${this.session}` : this.location;
    call("DELETE", path).catch(() => undefined);
  }
}

async function iceServers(): Promise<RTCIceServer[]> {
  type Told = { urls: string | string[]; username: string | null; credential: string | null };
  const response = await call("GET", "v1/realtime/ice_servers");
  const { ice_servers } = (await response.json()) as { ice_servers: Told[] };
  return ice_servers.map(({ urls, username, credential }) => ({
    urls,
    ...(username && credential && { username, credential }),
  }));
}

function resumeOf(protocols: string[]): Record<string, string> {
  const prefix = "onlooker-resume.";
  const found = protocols.find((one) => one.startsWith(prefix));
  return found ? { "Onlooker-Resume": found.slice(prefix.length) } : {};
}
