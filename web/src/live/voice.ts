// The microphone while a button is held, and the voice that answers.
import type { ClientMessage, ServerMessage } from "../api/messages";

const RATE_HZ = 24_000;

export class Microphone {
  private context: AudioContext | null = null;
  private stream: MediaStream | null = null;

  constructor(private readonly send: (message: ClientMessage) => boolean) {}

  async open(): Promise<void> {
    const audio = { echoCancellation: true, noiseSuppression: true, autoGainControl: true };
    this.stream = await navigator.mediaDevices.getUserMedia({ audio });
    this.context = new AudioContext();
    await this.context.audioWorklet.addModule("./pcm.js");
    const node = new AudioWorkletNode(this.context, "pcm", { numberOfOutputs: 0 });
    node.port.onmessage = (event: MessageEvent<Int16Array>) => {
      const audio = base64Of(new Uint8Array(event.data.buffer));
      this.send({ type: "input_audio_buffer.append", audio, onlooker: { stream: "microphone" } });
    };
    this.context.createMediaStreamSource(this.stream).connect(node);
  }

  // Ends the utterance: what was said is to be understood now.
  close(): void {
    for (const track of this.stream?.getTracks() ?? []) track.stop();
    if (this.context) void this.context.close();
    if (this.context) this.send({ type: "input_audio_buffer.commit" });
    this.stream = null;
    this.context = null;
  }
}

export class Speaker {
  private context: AudioContext | null = null;
  private dueS = 0;
  private playing = new Set<AudioBufferSourceNode>();
  isMuted = false;

  take(message: ServerMessage): void {
    if (message.type === "response.output_audio.delta" && !this.isMuted) this.play(message.delta);
    if (message.type === "input_audio_buffer.speech_started") this.hush();
    if (message.type === "output_audio_buffer.cleared") this.hush();
  }

  mute(isMuted: boolean): void {
    this.isMuted = isMuted;
    if (isMuted) this.hush();
  }

  // Who speaks is not spoken over.
  hush(): void {
    for (const node of this.playing) node.stop();
    this.playing.clear();
    this.dueS = 0;
  }

  private play(delta: string): void {
    this.context ??= new AudioContext({ sampleRate: RATE_HZ });
    const samples = samplesOf(delta);
    if (!samples.length) return;
    const buffer = this.context.createBuffer(1, samples.length, RATE_HZ);
    buffer.copyToChannel(samples, 0);
    const node = this.context.createBufferSource();
    node.buffer = buffer;
    node.connect(this.context.destination);
    node.onended = () => this.playing.delete(node);
    this.dueS = Math.max(this.dueS, this.context.currentTime + 0.02);
    node.start(this.dueS);
    this.dueS += buffer.duration;
    this.playing.add(node);
  }
}

export function base64Of(bytes: Uint8Array): string {
  let text = "";
  for (const byte of bytes) text += String.fromCharCode(byte);
  return btoa(text);
}

export function samplesOf(base64: string): Float32Array<ArrayBuffer> {
  const text = atob(base64);
  const samples = new Float32Array(Math.floor(text.length / 2));
  for (let at = 0; at < samples.length; at += 1) {
    const value = text.charCodeAt(2 * at) | (text.charCodeAt(2 * at + 1) << 8);
    samples[at] = (value >= 0x8000 ? value - 0x10000 : value) / 0x8000;
  }
  return samples;
}
