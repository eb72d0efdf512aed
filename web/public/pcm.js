// Turns the microphone into runs of 16-bit samples at 24,000 a second.
const RATE_HZ = 24000;
const RUN = 960; // samples in a message: 40 ms

class Pcm extends AudioWorkletProcessor {
  constructor() {
    super();
    this.run = new Int16Array(RUN);
    this.filled = 0;
    this.place = 0; // in input samples, of the next output sample
    this.last = 0; // the newest sample of the block before
  }

  process(inputs) {
    const block = inputs[0]?.[0];
    if (!block) return true;
    const step = sampleRate / RATE_HZ;
    while (this.place < block.length) {
      const index = Math.floor(this.place);
      const before = index === 0 ? this.last : block[index - 1];
      const value = before + (block[index] - before) * (this.place - index);
      this.run[this.filled] = Math.max(-1, Math.min(1, value)) * 32767;
      this.filled += 1;
      if (this.filled === RUN) {
        this.port.postMessage(this.run.slice());
        this.filled = 0;
      }
      this.place += step;
    }
    this.place -= block.length;
    this.last = block[block.length - 1];
    return true;
  }
}

registerProcessor("pcm", Pcm);
