import { expect, test } from "vitest";
import { base64Of, samplesOf } from "../src/live/voice";

test("samples come back from base64 as they went", () => {
  const given = new Int16Array([0, 1, -1, 32767, -32768, 12345]);
  const samples = samplesOf(base64Of(new Uint8Array(given.buffer)));
  expect([...samples].map((value) => Math.round(value * 0x8000))).toEqual([...given]);
});

test("half a sample at the end is left out", () => {
  expect(samplesOf(base64Of(new Uint8Array([0, 64, 7])))).toHaveLength(1);
});
