// A recording as it is played: what is known of a span of it, and what stands at a moment.
import type { Picture } from "../api/events";
import type { Span } from "../api/recordings";
import type { ServerMessage } from "../api/messages";
import { EMPTY, reduce } from "./state";
import type { LiveState, Second } from "./state";

export const SPAN_S = 300; // is fetched at once

export interface Moment {
  second: Second | null;
  said: Second | null; // the newest that said something
  pictures: Picture[]; // the newest of each stream
}

// Events on disk are those of the connection, without their prefix.
export function playedOf(span: Span | null): LiveState {
  let state = EMPTY;
  for (const event of span?.events ?? []) {
    const message = { ...event, type: `onlooker.${event.type}` } as unknown as ServerMessage;
    state = reduce(state, message, 0);
  }
  return state;
}

export function momentOf(seconds: Second[], timeS: number): Moment {
  const until = seconds.filter((one) => one.endS <= timeS + 1e-6);
  const pictures = new Map<string, Picture>();
  for (const second of until) for (const one of second.pictures) pictures.set(one.stream, one);
  return {
    second: until.at(-1) ?? null,
    said: until.findLast((one) => one.text) ?? null,
    pictures: [...pictures.values()],
  };
}

// Session time from one tick to the next, as two of them tell it.
export function periodOf(seconds: Second[]): number {
  const [first, last] = [seconds[0], seconds.at(-1)];
  if (!first || !last || first.tick === last.tick) return 1;
  return (last.endS - first.endS) / (last.tick - first.tick);
}
