// What the page knows of a session: a pure function of the messages that came.
import type {
  Answer,
  Observed,
  Perceived,
  Picture,
  Scene,
  TaskAnswered,
  TaskUsage,
  Usage,
  Utterance,
  View,
} from "../api/events";
import type {
  InstructionWish,
  Label,
  Persona,
  ServerMessage,
  SessionInfo,
  Trigger,
} from "../api/messages";

export type Outcome = "silent" | "speak" | "delegate" | "skipped" | "failed";

export interface Second {
  tick: number;
  endS: number;
  outcome: Outcome | null; // null: seen, not decided yet
  text: string;
  question: string;
  trigger: Trigger | null;
  latencyMs: number | null;
  probability: number | null;
  usage: Usage | null;
  digest: string | null;
  why: string; // of a skip its reason, of a failure its part and error
  heard: Utterance[];
  answers: Answer[];
  recalled: string[];
  pictures: Picture[];
  views: View[];
  label: Label | null;
}

export interface Said {
  key: string;
  order: number; // of telling, among words and tasks
  who: "user" | "scene" | "onlooker" | "brain";
  text: string;
  timeS: number;
  tick: number | null;
  trigger: Trigger | null;
  isWhole: boolean;
}

export interface Task {
  id: string;
  order: number;
  question: string;
  askedS: number;
  status: "running" | TaskAnswered["status"];
  progress: string;
  text: string;
  artefacts: TaskAnswered["artefacts"];
  usage: TaskUsage | null;
  tookS: number | null;
}

export interface Health {
  state: string;
  detail: string;
  timeS: number;
}

export interface Hearing {
  who: "user" | "scene";
  text: string;
}

export interface LiveState {
  session: SessionInfo | null;
  nowS: number; // the newest session time that was heard of
  anchorMs: number; // performance.now() at nowS
  seconds: Second[];
  said: Said[];
  tasks: Task[];
  numTold: number;
  health: Record<string, Health>;
  streams: string[];
  gone: string[]; // streams that were taken away: what still comes of them is not shown
  views: Record<string, View>; // the newest of each stream
  pictures: Record<string, Picture>; // the newest of each stream
  instructions: InstructionWish[];
  persona: Persona;
  talkativeness: number | null;
  frames: Record<string, { numReceived: number; numDropped: number }>;
  numDroppedEvents: number;
  hearing: Hearing | null; // what somebody is saying, as far as it is understood
  voiced: number | null; // the tick whose words are being said aloud
  error: string;
  closed: string | null;
}

export const MAX_SECONDS = 7200;
const MAX_SAID = 500;
const MAX_TASKS = 100;

export const EMPTY: LiveState = {
  session: null,
  nowS: 0,
  anchorMs: 0,
  seconds: [],
  said: [],
  tasks: [],
  numTold: 0,
  health: {},
  streams: [],
  gone: [],
  views: {},
  pictures: {},
  instructions: [],
  persona: "default",
  talkativeness: null,
  frames: {},
  numDroppedEvents: 0,
  hearing: null,
  voiced: null,
  error: "",
  closed: null,
};

export function reduce(state: LiveState, message: ServerMessage, atMs: number): LiveState {
  const timed = "time_s" in message && message.time_s > state.nowS;
  const now = timed ? { ...state, nowS: message.time_s, anchorMs: atMs } : state;
  return take(now, message, atMs);
}

function take(state: LiveState, message: ServerMessage, atMs: number): LiveState {
  switch (message.type) {
    case "session.created":
    case "session.updated":
      return described(state, message.session, atMs);
    case "onlooker.observed":
      return observed(state, message);
    case "onlooker.perceived":
      return perceived(state, message);
    case "response.created":
    case "response.output_text.delta":
    case "response.output_text.done":
    case "response.output_audio_transcript.delta":
    case "response.done":
      return responded(state, message);
    case "onlooker.decided":
      return second(state, message.tick ?? 0, {
        endS: message.time_s,
        outcome: message.action,
        text: message.text ?? "",
        question: message.question ?? "",
        trigger: message.trigger ?? null,
        latencyMs: message.latency_ms,
        probability: message.speak_probability,
        usage: message.usage,
        digest: message.prompt_digest,
      });
    case "onlooker.skipped":
      return skipped(state, message.tick ?? 0, message.time_s, message.reason, message.num_ticks);
    case "onlooker.failed":
      return failed(state, message);
    case "onlooker.stream_health": {
      const { stream, state: now, detail, time_s: timeS } = message;
      if (stream === null) return state;
      return { ...state, health: { ...state.health, [stream]: { state: now, detail, timeS } } };
    }
    case "onlooker.task_asked":
    case "onlooker.task_progress":
    case "onlooker.task_answered":
      return tasked(state, message);
    case "onlooker.hearing":
      return { ...state, hearing: { who: message.speaker, text: message.text } };
    case "onlooker.heard":
      return { ...state, hearing: null };
    case "onlooker.voice_started":
      return { ...state, voiced: message.tick };
    case "onlooker.voice_ended":
      return message.tick === state.voiced ? { ...state, voiced: null } : state;
    case "onlooker.opened":
      return { ...state, streams: known(state, message.streams) };
    case "onlooker.frames": {
      const { num_received: numReceived, num_dropped: numDropped } = message;
      return { ...state, frames: { ...state.frames, [message.stream]: { numReceived, numDropped } } };
    }
    case "onlooker.dropped":
      return { ...state, numDroppedEvents: message.num_events_total };
    case "onlooker.labelled":
      return second(state, message.tick, { label: message.label });
    case "error":
      return { ...state, error: message.error.message };
    case "onlooker.closed":
      return { ...state, closed: message.reason };
    default:
      return state; // newer servers know more
  }
}

function described(state: LiveState, session: SessionInfo, atMs: number): LiveState {
  const { now_s, instructions, persona, talkativeness, streams } = session.onlooker;
  return {
    ...state,
    session,
    nowS: now_s,
    anchorMs: atMs,
    instructions,
    persona,
    talkativeness,
    streams,
    closed: null,
  };
}

function observed(state: LiveState, message: Omit<Observed, "type">): LiveState {
  const { tick, heard, answers, recalled, time_s: endS } = message;
  const words = heard.map((one, index): Said => {
    const key = `heard-${tick}-${index}`;
    const { speaker: who, text, time_s: timeS } = one;
    const order = state.numTold + index;
    return { key, order, who, text, timeS, tick, trigger: null, isWhole: true };
  });
  const next = second(state, tick ?? 0, { endS, heard, answers, recalled });
  const numTold = state.numTold + words.length;
  return { ...next, numTold, said: bounded([...next.said, ...words], MAX_SAID) };
}

function perceived(state: LiveState, message: Omit<Perceived, "type">): LiveState {
  const scenes = message.percepts.filter((one): one is Scene => one.type === "scene");
  const views = scenes.flatMap((scene) => scene.views);
  const pictures = message.percepts.flatMap((one) => (one.type === "pictures" ? one.pictures : []));
  const newest = { ...state.views };
  for (const view of views) newest[view.stream] = view;
  const shown = { ...state.pictures };
  for (const picture of pictures) shown[picture.stream] = picture;
  const streams = known(state, [...Object.keys(newest), ...Object.keys(shown)]);
  const next = second(state, message.tick ?? 0, { endS: message.time_s, pictures, views });
  return { ...next, views: newest, pictures: shown, streams };
}

type ResponseMessage = Extract<
  ServerMessage,
  {
    type:
      | "response.created"
      | "response.output_text.delta"
      | "response.output_text.done"
      | "response.output_audio_transcript.delta"
      | "response.done";
  }
>;

function responded(state: LiveState, message: ResponseMessage): LiveState {
  if (message.type === "response.created") {
    const { id, metadata } = message.response;
    const said: Said = {
      key: id,
      order: state.numTold,
      who: "onlooker",
      text: "",
      timeS: Number(metadata.time_s ?? state.nowS),
      tick: metadata.tick === undefined ? null : Number(metadata.tick),
      trigger: metadata.trigger ?? null,
      isWhole: false,
    };
    const numTold = state.numTold + 1;
    return { ...state, numTold, said: bounded([...state.said, said], MAX_SAID) };
  }
  const key = message.type === "response.done" ? message.response.id : message.response_id;
  const said = state.said.flatMap((one) => {
    if (one.key !== key) return [one];
    if (message.type === "response.done") return one.text ? [{ ...one, isWhole: true }] : [];
    if (message.type === "response.output_text.done") return [{ ...one, text: message.text }];
    return [{ ...one, text: one.text + message.delta }];
  });
  return { ...state, said };
}

function skipped(
  state: LiveState,
  tick: number,
  endS: number,
  why: string,
  numTicks: number,
): LiveState {
  let next = state;
  const periodS = state.session?.onlooker.period_s ?? 1;
  for (let ago = Math.min(numTicks, MAX_SECONDS) - 1; ago >= 0; ago -= 1) {
    next = second(next, tick - ago, { endS: endS - ago * periodS, outcome: "skipped", why });
  }
  return next;
}

function failed(
  state: LiveState,
  message: { tick: number | null; time_s: number; part: string; error: string },
): LiveState {
  if (message.tick === null) return { ...state, error: `${message.part}: ${message.error}` };
  const known = state.seconds.find((one) => one.tick === message.tick);
  const outcome = known?.outcome ?? "failed";
  const why = `${message.part}: ${message.error}`;
  return second(state, message.tick, { endS: message.time_s, outcome, why });
}

type TaskMessage = Extract<
  ServerMessage,
  { type: "onlooker.task_asked" | "onlooker.task_progress" | "onlooker.task_answered" }
>;

function tasked(state: LiveState, message: TaskMessage): LiveState {
  if (message.type === "onlooker.task_asked") {
    const task: Task = {
      id: message.task_id,
      order: state.numTold,
      question: message.question,
      askedS: message.time_s,
      status: "running",
      progress: "",
      text: "",
      artefacts: [],
      usage: null,
      tookS: null,
    };
    const numTold = state.numTold + 1;
    return { ...state, numTold, tasks: bounded([...state.tasks, task], MAX_TASKS) };
  }
  const tasks = state.tasks.map((task): Task => {
    if (task.id !== message.task_id) return task;
    if (message.type === "onlooker.task_progress") {
      return message.is_answer
        ? { ...task, text: task.text + message.text }
        : { ...task, progress: message.text };
    }
    const { status, text, artefacts, usage, took_s: tookS } = message;
    return { ...task, status, text, artefacts, usage, tookS, progress: "" };
  });
  return { ...state, tasks };
}

const NEW: Omit<Second, "tick"> = {
  endS: 0,
  outcome: null,
  text: "",
  question: "",
  trigger: null,
  latencyMs: null,
  probability: null,
  usage: null,
  digest: null,
  why: "",
  heard: [],
  answers: [],
  recalled: [],
  pictures: [],
  views: [],
  label: null,
};

// Seconds stand in order of their ticks; nearly always it is the newest that changes.
function second(state: LiveState, tick: number, change: Partial<Second>): LiveState {
  const seconds = state.seconds.slice();
  let place = seconds.length;
  while (place > 0 && (seconds[place - 1]?.tick ?? -1) > tick) place -= 1;
  const known = seconds[place - 1];
  if (known?.tick === tick) seconds[place - 1] = { ...known, ...change };
  else seconds.splice(place, 0, { ...NEW, tick, ...change });
  return { ...state, seconds: bounded(seconds, MAX_SECONDS) };
}

function known(state: LiveState, streams: string[]): string[] {
  const all = new Set([...state.streams, ...streams]);
  return [...all].filter((stream) => !state.gone.includes(stream));
}

function bounded<T>(items: T[], max: number): T[] {
  return items.length > max ? items.slice(items.length - max) : items;
}
