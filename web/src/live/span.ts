// The seconds of a stretch of time as slots of a timeline: every second has one, known or not.
import type { Outcome, Second } from "./state";

export type SlotKind = Outcome | "gap";

export interface Slot {
  tick: number;
  kind: SlotKind;
  second: Second | null;
}

export function slotsOf(seconds: Second[], numSlots: number): Slot[] {
  const newest = seconds.at(-1)?.tick ?? -1;
  const first = newest - numSlots + 1;
  const known = new Map<number, Second>();
  for (let at = seconds.length - 1; at >= 0; at -= 1) {
    const second = seconds[at];
    if (!second || second.tick < first) break;
    known.set(second.tick, second);
  }
  return Array.from({ length: numSlots }, (_, index) => {
    const tick = first + index;
    const second = known.get(tick) ?? null;
    return { tick, kind: second?.outcome ?? "gap", second };
  });
}

export interface Spread {
  medianMs: number;
  p95Ms: number;
  values: number[];
}

export function latenciesOf(seconds: Second[], numNewest: number): Spread | null {
  const values = seconds
    .slice(-numNewest)
    .flatMap((second) => (second.latencyMs === null ? [] : [second.latencyMs]));
  if (values.length < 3) return null;
  const sorted = values.toSorted((a, b) => a - b);
  const at = (part: number) => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))];
  return { medianMs: at(0.5) ?? 0, p95Ms: at(0.95) ?? 0, values };
}

// Spoken and silent seconds of each of the newest minutes, oldest first.
export function minutesOf(seconds: Second[], numMinutes: number): { spoken: number; all: number }[] {
  const newest = Math.floor((seconds.at(-1)?.endS ?? 0) / 60);
  const minutes = Array.from({ length: numMinutes }, () => ({ spoken: 0, all: 0 }));
  for (const second of seconds) {
    const minute = minutes[numMinutes - 1 - newest + Math.floor(second.endS / 60)];
    if (!minute || second.outcome === null || second.outcome === "skipped") continue;
    minute.all += 1;
    if (second.outcome === "speak" || second.outcome === "delegate") minute.spoken += 1;
  }
  return minutes;
}

export function tokensASecond(seconds: Second[], numNewest: number): number | null {
  const counted = seconds.slice(-numNewest).flatMap((second) => {
    const { prompt_tokens: read, completion_tokens: written } = second.usage ?? {};
    return read == null ? [] : [read + (written ?? 0)];
  });
  if (!counted.length) return null;
  return counted.reduce((sum, count) => sum + count, 0) / counted.length;
}
