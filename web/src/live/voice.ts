// The voice that answers, as it comes from the server.
import type { ServerMessage } from "../api/messages";

const RATE_HZ = 24_000;

export class Speaker {
  private context: AudioContext | null = null;
  private dueS = 0;
  private playing = new Set<AudioBufferSourceNode>();
  private isMuted = true;

  take(message: ServerMessage): void {
    if (message.type === "response.output_audio.delta" && !this.isMuted) this.play(message.delta);
    if (message.type === "input_audio_buffer.speech_started") this.hush();
    if (message.type === "output_audio_buffer.cleared") this.hush();
  }

  // Called as a button is pressed: a browser makes no sound before that.
  mute(isMuted: boolean): void {
    this.isMuted = isMuted;
    if (isMuted) this.hush();
    else void this.opened().resume();
  }

  // Who speaks is not spoken over.
  hush(): void {
    for (const node of this.playing) node.stop();
    this.playing.clear();
    this.dueS = 0;
  }

  private opened(): AudioContext {
    this.context ??= new AudioContext({ sampleRate: RATE_HZ });
    return this.context;
  }

  private play(delta: string): void {
    const context = this.opened();
    const samples = samplesOf(delta);
    if (!samples.length) return;
    const buffer = context.createBuffer(1, samples.length, RATE_HZ);
    buffer.copyToChannel(samples, 0);
    const node = context.createBufferSource();
    node.buffer = buffer;
    node.connect(context.destination);
    node.onended = () => this.playing.delete(node);
    this.dueS = Math.max(this.dueS, context.currentTime + 0.02);
    node.start(this.dueS);
    this.dueS += buffer.duration;
    this.playing.add(node);
  }
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
