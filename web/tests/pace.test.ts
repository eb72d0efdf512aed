import { expect, test } from "vitest";
import { Lead, SessionZero, nextPictureMs } from "../src/live/pace";

test("a picture is taken just before the second ends", () => {
  expect(nextPictureMs(10_300, 10_000, 1000, 80)).toBe(10_920);
  expect(nextPictureMs(10_950, 10_000, 1000, 80)).toBe(11_920);
});

test("the picture that was just taken is not taken again", () => {
  expect(nextPictureMs(10_920, 10_000, 1000, 80)).toBe(11_920);
});

test("before anything is known of the session's clock, pictures come quickly", () => {
  expect(nextPictureMs(500, null, 1000, 80)).toBe(750);
});

test("the least delayed message says where session time begins", () => {
  const zero = new SessionZero();
  zero.hear(1, 11_090, 0);
  zero.hear(2, 12_030, 20);
  zero.hear(3, 13_500, 0);
  expect(zero.zeroMs).toBe(10_010);
});

test("pictures that missed their second are taken earlier, until they come in time again", () => {
  const lead = new Lead();
  const before = lead.leadMs;
  lead.looked(1070, 1000);
  expect(lead.leadMs).toBeCloseTo(before + 80);
  for (let lap = 0; lap < 80; lap += 1) lead.looked(140, 1000);
  expect(lead.leadMs).toBeCloseTo(before);
});

test("slow pictures are taken earlier, within bounds", () => {
  const [quick, slow, stuck] = [new Lead(), new Lead(), new Lead()];
  for (let lap = 0; lap < 30; lap += 1) {
    quick.took(5);
    slow.took(100);
    stuck.took(5000);
  }
  expect(quick.leadMs).toBeCloseTo(86);
  expect(slow.leadMs).toBeCloseTo(200);
  expect(stuck.leadMs).toBe(450);
});
