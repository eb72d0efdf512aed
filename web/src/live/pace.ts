// When to take a picture: just before the server decides, so that no picture waits for its second.

const MIN_LEAD_MS = 40;
const MAX_LEAD_MS = 450;
const NUM_GUESSES = 30;
const NUM_LAPS = 10;

// Learns where session time 0 lies on this page's clock from the least delayed of the newest messages.
export class SessionZero {
  private guessesMs: number[] = [];

  // A message that reports session time `timeS` came at `atMs`, `lateMs` after that time at least.
  hear(timeS: number, atMs: number, lateMs: number): void {
    this.guessesMs = [...this.guessesMs, atMs - lateMs - timeS * 1000].slice(-NUM_GUESSES);
  }

  get zeroMs(): number | null {
    return this.guessesMs.length ? Math.min(...this.guessesMs) : null;
  }
}

// Learns how long before the decision a picture must be taken: as long as most need, and longer
// from each that came too late.
export class Lead {
  private neededMs: number[] = [];
  private moreMs = 40; // since the way to the server takes its time, too

  // The server has looked at a picture that was so old when its second ended.
  looked(ageMs: number, periodMs: number): void {
    const hasMissed = ageMs > 0.8 * periodMs;
    this.moreMs = hasMissed ? Math.min(MAX_LEAD_MS, this.moreMs + 80) : Math.max(0, this.moreMs - 1);
  }

  took(ms: number): void {
    this.neededMs = [...this.neededMs, ms].slice(-NUM_LAPS);
  }

  get leadMs(): number {
    const most = this.neededMs.toSorted((a, b) => a - b)[Math.floor(this.neededMs.length * 0.75)];
    return Math.min(MAX_LEAD_MS, MIN_LEAD_MS + 1.2 * (most ?? 20) + this.moreMs);
  }
}

export function nextPictureMs(
  nowMs: number,
  zeroMs: number | null,
  periodMs: number,
  leadMs: number,
): number {
  if (zeroMs === null) return nowMs + periodMs / 4;
  const due = (nowMs + leadMs - zeroMs) / periodMs;
  return zeroMs + (Math.floor(due + 1e-6) + 1) * periodMs - leadMs;
}
