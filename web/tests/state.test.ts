import { expect, test } from "vitest";
import type { ServerMessage } from "../src/api/messages";
import { latenciesOf, minutesOf, slotsOf, tokensASecond } from "../src/live/span";
import { EMPTY, MAX_SECONDS, reduce } from "../src/live/state";
import { created, decided, response } from "./recorded";

const after = (messages: ServerMessage[]) =>
  messages.reduce((state, message) => reduce(state, message, 0), EMPTY);

const bare = { time_s: 5, tick: 4, stream: null };

test("speech grows while the model writes and is whole at its end", () => {
  const messages = response(3, "The pot boils.", 0);
  expect(after(messages.slice(0, 2)).said[0]).toMatchObject({ text: "The", isWhole: false });
  expect(after(messages).said).toMatchObject([{ text: "The pot boils.", isWhole: true, tick: 3 }]);
});

test("an empty response leaves no line behind", () => {
  const [first, , , , last] = response(3, "", 0);
  expect(after([first, last] as ServerMessage[]).said).toEqual([]);
});

test("what is known of a second is gathered from all events about it", () => {
  const state = after([
    created(),
    {
      type: "onlooker.observed",
      ...bare,
      start_s: 4,
      end_s: 5,
      heard: [{ text: "How many?", time_s: 4.2, speaker: "user", stream: null }],
      instructed: [],
      answers: [],
      recalled: ["12 s: a van"],
      memory: null,
      persona: null,
    } as ServerMessage,
    decided(4, "Three.", 9),
  ]);
  expect(state.seconds).toHaveLength(1);
  expect(state.seconds[0]).toMatchObject({ tick: 4, text: "Three.", recalled: ["12 s: a van"] });
  expect(state.said).toMatchObject([{ who: "user", text: "How many?" }]);
});

test("a skip of several seconds is told of each of them", () => {
  const skip = { type: "onlooker.skipped", ...bare, reason: "late", num_ticks: 3 } as ServerMessage;
  const { seconds } = after([decided(1, null, 1), skip]);
  expect(seconds.map((one) => [one.tick, one.outcome])).toEqual([
    [1, "silent"],
    [2, "skipped"],
    [3, "skipped"],
    [4, "skipped"],
  ]);
});

test("events that come out of order stand in order", () => {
  const { seconds } = after([decided(5, null, 1), decided(3, null, 2), decided(4, null, 3)]);
  expect(seconds.map((one) => one.tick)).toEqual([3, 4, 5]);
});

test("a task runs, tells its progress and is answered", () => {
  const task = { ...bare, task_id: "task-4" };
  const asked = { type: "onlooker.task_asked", ...task, question: "Which?", note: "" };
  const progress = { type: "onlooker.task_progress", ...task, text: "searching", is_answer: false };
  const answered = {
    type: "onlooker.task_answered",
    ...task,
    status: "done",
    text: "A fern.",
    delivery: "when_idle",
    artefacts: [],
    usage: { prompt_tokens: 1, completion_tokens: 1, cost: 0 },
    took_s: 5,
  };
  const messages = [asked, progress, answered] as ServerMessage[];
  expect(after(messages.slice(0, 2)).tasks[0]).toMatchObject({ status: "running", progress: "searching" });
  expect(after(messages).tasks[0]).toMatchObject({ status: "done", text: "A fern.", tookS: 5 });
});

test("an event that this page does not know changes nothing but the time", () => {
  const unknown = { type: "onlooker.not_yet_invented", ...bare } as unknown as ServerMessage;
  expect(after([unknown])).toEqual({ ...EMPTY, nowS: 5 });
});

test("a day of seconds stays bounded", () => {
  let state = EMPTY;
  for (let tick = 0; tick < MAX_SECONDS + 5; tick += 1) state = reduce(state, decided(tick, null, tick), 0);
  expect(state.seconds).toHaveLength(MAX_SECONDS);
  expect(state.seconds[0]?.tick).toBe(5);
});

test("every slot of the timeline is a second, and what never came is a gap", () => {
  const { seconds } = after([decided(2, null, 1), decided(4, "x", 2)]);
  expect(slotsOf(seconds, 4).map((slot) => slot.kind)).toEqual(["gap", "silent", "gap", "speak"]);
});

test("charts count what was decided", () => {
  const { seconds } = after(Array.from({ length: 90 }, (_, tick) => decided(tick, tick % 9 ? null : "x", tick)));
  expect(latenciesOf(seconds, 60)).toMatchObject({ medianMs: 40, p95Ms: 40 });
  expect(minutesOf(seconds, 2)).toEqual([
    { spoken: 7, all: 59 },
    { spoken: 3, all: 31 },
  ]);
  expect(tokensASecond(seconds, 60)).toBe(808);
});

test("what somebody is saying is shown until it is understood, and what is voiced until its end", () => {
  const hearing = { type: "onlooker.hearing", ...bare, speaker: "user", start_s: 4, text: "how" };
  const heard = { ...hearing, type: "onlooker.heard", end_s: 5, text: "how many" };
  const begun = { type: "onlooker.voice_started", ...bare, line_id: "line-4", kind: "reply" };
  const ended = { ...begun, type: "onlooker.voice_ended", why: "done", heard: "", played_s: 1 };
  const messages = [hearing, begun, heard, ended] as unknown as ServerMessage[];
  expect(after(messages.slice(0, 1)).hearing).toEqual({ who: "user", text: "how" });
  expect(after(messages.slice(0, 3))).toMatchObject({ hearing: null, voiced: 4 });
  expect(after(messages).voiced).toBeNull();
});
