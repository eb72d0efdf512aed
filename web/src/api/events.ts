// Written by web/event_types.py from core/event.py. Do not edit: `make web` writes it anew.

export interface Opened {
  type: "opened";
  time_s: number;
  tick: number | null;
  stream: string | null;
  session: string;
  streams: string[];
  model: string;
  settings: Record<string, unknown>;
}

export interface Utterance {
  text: string;
  time_s: number;
  speaker: "user" | "scene";
  stream: string | null;
}

export interface Instruction {
  id: string;
  text: string;
  since_s: number;
  state: "standing" | "paused" | "removed";
}

export interface Answer {
  task_id: string;
  question: string;
  text: string;
  time_s: number;
  status: "done" | "failed" | "timeout" | "cancelled" | "needs_input";
  delivery: "interrupt" | "when_idle" | "silent";
}

export interface CutShort {
  tick: number;
  heard: string;
}

export interface Observed {
  type: "observed";
  time_s: number;
  tick: number | null;
  stream: string | null;
  start_s: number;
  end_s: number;
  heard: Utterance[];
  instructed: Instruction[];
  answers: Answer[];
  recalled: string[];
  memory: string[] | null;
  persona: "silent" | "default" | "talkative" | null;
  cut_short: CutShort[];
}

export interface Picture {
  stream: string;
  time_s: number;
  width_px: number;
  height_px: number;
  id: string;
}

export interface Pictures {
  type: "pictures";
  pictures: Picture[];
}

export interface Box {
  left: number;
  top: number;
  right: number;
  bottom: number;
}

export interface SceneObject {
  label: string;
  track_id: number;
  box: Box;
  score: number;
  since_s: number;
  zones: string[];
}

export interface SceneText {
  text: string;
  box: Box;
  score: number;
  since_s: number;
}

export interface View {
  stream: string;
  time_s: number;
  objects: SceneObject[];
  entered: SceneObject[];
  left: SceneObject[];
  texts: SceneText[];
  tags: string[];
  change: number;
  is_cut: boolean;
}

export interface Scene {
  type: "scene";
  views: View[];
}

export interface Perceived {
  type: "perceived";
  time_s: number;
  tick: number | null;
  stream: string | null;
  percepts: (Pictures | Scene)[];
}

export interface Speaking {
  type: "speaking";
  time_s: number;
  tick: number | null;
  stream: string | null;
  text: string;
}

export interface Usage {
  prompt_tokens: number | null;
  cached_tokens: number | null;
  completion_tokens: number | null;
  sent_bytes: number | null;
}

export interface Decided {
  type: "decided";
  time_s: number;
  tick: number | null;
  stream: string | null;
  action: "silent" | "speak" | "delegate";
  text: string | null;
  question: string | null;
  latency_ms: number;
  speak_probability: number | null;
  usage: Usage;
  prompt_digest: string | null;
}

export interface Skipped {
  type: "skipped";
  time_s: number;
  tick: number | null;
  stream: string | null;
  reason: "late" | "still" | "persona" | "paused";
  num_ticks: number;
}

export interface Failed {
  type: "failed";
  time_s: number;
  tick: number | null;
  stream: string | null;
  part: string;
  error: string;
}

export interface StreamHealth {
  type: "stream_health";
  time_s: number;
  tick: number | null;
  stream: string | null;
  state: "connected" | "lost" | "frozen" | "dark" | "recovered" | "ended";
  detail: string;
}

export interface TaskAsked {
  type: "task_asked";
  time_s: number;
  tick: number | null;
  stream: string | null;
  task_id: string;
  question: string;
  note: string;
}

export interface TaskProgress {
  type: "task_progress";
  time_s: number;
  tick: number | null;
  stream: string | null;
  task_id: string;
  text: string;
  is_answer: boolean;
}

export interface ArtefactLink {
  kind: string;
  path: string;
  title: string;
  num_bytes: number;
}

export interface TaskUsage {
  prompt_tokens: number;
  completion_tokens: number;
  cost: number;
}

export interface TaskAnswered {
  type: "task_answered";
  time_s: number;
  tick: number | null;
  stream: string | null;
  task_id: string;
  status: "done" | "failed" | "timeout" | "cancelled" | "needs_input";
  text: string;
  delivery: "interrupt" | "when_idle" | "silent";
  artefacts: ArtefactLink[];
  usage: TaskUsage;
  took_s: number;
}

export interface Captioned {
  type: "captioned";
  time_s: number;
  tick: number | null;
  stream: string | null;
  line_id: string;
  kind: "commentary" | "reply" | "alert";
  text: string;
}

export interface VoiceStarted {
  type: "voice_started";
  time_s: number;
  tick: number | null;
  stream: string | null;
  line_id: string;
  kind: "commentary" | "reply" | "alert";
}

export interface VoiceEnded {
  type: "voice_ended";
  time_s: number;
  tick: number | null;
  stream: string | null;
  line_id: string;
  kind: "commentary" | "reply" | "alert";
  why: "done" | "failed" | "barge_in" | "interrupted" | "stopped" | "too_long" | "stale" | "superseded" | "full" | "quiet" | "mute";
  heard: string;
  played_s: number;
}

export interface Hearing {
  type: "hearing";
  time_s: number;
  tick: number | null;
  stream: string | null;
  speaker: "user" | "scene";
  start_s: number;
  text: string;
}

export interface Heard {
  type: "heard";
  time_s: number;
  tick: number | null;
  stream: string | null;
  speaker: "user" | "scene";
  start_s: number;
  end_s: number;
  text: string;
  is_addressed: boolean;
}

export interface SoundNoticed {
  type: "sound_noticed";
  time_s: number;
  tick: number | null;
  stream: string | null;
  label: string;
  probability: number;
  start_s: number;
}

export interface Closed {
  type: "closed";
  time_s: number;
  tick: number | null;
  stream: string | null;
  reason: string;
  num_decided: number;
  num_skipped: number;
  num_failed: number;
}

export type WireEvent =
  | Opened
  | Observed
  | Perceived
  | Speaking
  | Decided
  | Skipped
  | Failed
  | StreamHealth
  | TaskAsked
  | TaskProgress
  | TaskAnswered
  | Captioned
  | VoiceStarted
  | VoiceEnded
  | Hearing
  | Heard
  | SoundNoticed
  | Closed;
