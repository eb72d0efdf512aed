import { expect, test } from "vitest";
import { base64Of, levelOf } from "../src/live/microphone";
import { samplesOf } from "../src/live/voice";

test("samples come back from base64 as they went", () => {
  const given = new Int16Array([0, 1, -1, 32767, -32768, 12345]);
  const samples = samplesOf(base64Of(new Uint8Array(given.buffer)));
  expect([...samples].map((value) => Math.round(value * 0x8000))).toEqual([...given]);
});

test("half a sample at the end is left out", () => {
  expect(samplesOf(base64Of(new Uint8Array([0, 64, 7])))).toHaveLength(1);
});

test("the level grows with the loudness, from nothing to one", () => {
  const sine = (peak: number) =>
    Int16Array.from({ length: 480 }, (_, index) => peak * Math.sin(index / 5));
  const levels = [0, 1, 300, 3000, 30_000].map((peak) => levelOf(sine(peak)));
  expect(levels).toEqual(levels.toSorted((a, b) => a - b));
  expect(levels[0]).toBe(0);
  expect(levels[4]).toBeGreaterThan(0.9);
  expect(levels[4]).toBeLessThanOrEqual(1);
  expect(levelOf(new Int16Array())).toBe(0);
});
