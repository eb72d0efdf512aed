import { expect, test } from "vitest";
import type { Span } from "../src/api/recordings";
import { momentOf, periodOf, playedOf } from "../src/live/played";
import { readable } from "../src/parts/replay";
import { en } from "../src/words/en";

const perceived = (tick: number, stream: string, id: string) => ({
  type: "perceived",
  time_s: (tick + 1) / 2,
  tick,
  stream: null,
  percepts: [{ type: "pictures", pictures: [{ stream, id, time_s: tick / 2, width_px: 1, height_px: 1 }] }],
});
const decided = (tick: number, text: string | null) => ({
  type: "decided",
  time_s: (tick + 1) / 2,
  tick,
  stream: null,
  action: text ? "speak" : "silent",
  text,
  question: null,
});
const events = [
  perceived(0, "door", "a"),
  decided(0, null),
  perceived(1, "yard", "b"),
  decided(1, "Somebody comes."),
  perceived(2, "door", "c"),
  decided(2, null),
];
const { seconds } = playedOf({ sinceS: 0, events, places: new Map() } as unknown as Span);

test("at a moment stand its second, the newest words and the newest picture of each stream", () => {
  const moment = momentOf(seconds, 1.2);
  expect(moment.second?.tick).toBe(1);
  expect(moment.said?.text).toBe("Somebody comes.");
  expect(moment.pictures.map((one) => one.id)).toEqual(["a", "b"]);
  expect(momentOf(seconds, 9).pictures.map((one) => one.id)).toEqual(["c", "b"]);
  expect(momentOf(seconds, 0)).toEqual({ second: null, said: null, pictures: [] });
});

test("the period is read from the seconds themselves", () => {
  expect(periodOf(seconds)).toBe(0.5);
  expect(periodOf([])).toBe(1);
});

test("decisions are told in words, whatever their models write", () => {
  expect(readable("</silence>", en)).toBe("Silent");
  expect(readable("</response> Two cars.", en)).toBe("Two cars.");
  expect(readable("</response> I look. </delegation> Why?", en)).toBe("I look. → Why?");
  expect(readable("failed model: no answer", en)).toBe("failed model: no answer");
});
