// The microphone: what it hears goes to the session, how loud that is to a meter.
import type { ClientMessage } from "../api/messages";

const QUIETEST_DB = -60;

export class Microphone {
  private context: AudioContext | null = null;
  private stream: MediaStream | null = null;

  constructor(
    private readonly send: (message: ClientMessage) => boolean,
    private readonly onLevel: (level: number) => void, // 0: silence, 1: as loud as can be
    // Has it carried as sound of a call, or no more; says whether there is one.
    private readonly carry: (track: MediaStreamTrack | null) => boolean = () => false,
  ) {}

  async open(): Promise<void> {
    const audio = { echoCancellation: true, noiseSuppression: true, autoGainControl: true };
    this.stream = await navigator.mediaDevices.getUserMedia({ audio });
    const isCarried = this.carry(this.stream.getAudioTracks()[0] ?? null);
    this.context = new AudioContext();
    await this.context.audioWorklet.addModule("./pcm.js");
    const node = new AudioWorkletNode(this.context, "pcm", { numberOfOutputs: 0 });
    node.port.onmessage = (event: MessageEvent<Int16Array>) => {
      this.onLevel(levelOf(event.data));
      if (isCarried) return;
      const audio = base64Of(new Uint8Array(event.data.buffer));
      this.send({ type: "input_audio_buffer.append", audio, onlooker: { stream: "microphone" } });
    };
    this.context.createMediaStreamSource(this.stream).connect(node);
  }

  // Ends the utterance: what was said is to be understood now.
  close(): void {
    if (this.stream) this.carry(null);
    for (const track of this.stream?.getTracks() ?? []) track.stop();
    if (this.context) void this.context.close();
    if (this.context) this.send({ type: "input_audio_buffer.commit" });
    this.stream = null;
    this.context = null;
  }
}

// Ears hear in decibels, and so does the meter.
export function levelOf(samples: Int16Array): number {
  if (!samples.length) return 0;
  let sum = 0;
  for (const sample of samples) sum += sample * sample;
  const db = 10 * Math.log10(sum / samples.length / 0x8000 ** 2 || 1e-12);
  return Math.min(1, Math.max(0, 1 - db / QUIETEST_DB));
}

export function base64Of(bytes: Uint8Array): string {
  let text = "";
  for (const byte of bytes) text += String.fromCharCode(byte);
  return btoa(text);
}
