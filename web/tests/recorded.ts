// Events as a server sends them, one session: silence, speech, a question, a gap, a failure.
import type { ServerMessage } from "../src/api/messages";

const usage = { prompt_tokens: 800, cached_tokens: 780, completion_tokens: 8, sent_bytes: 9000 };

export function decided(tick: number, text: string | null, seq: number): ServerMessage {
  return {
    type: "onlooker.decided",
    seq,
    time_s: tick + 1,
    tick,
    stream: null,
    start_s: tick,
    action: text === null ? "silent" : "speak",
    text,
    question: null,
    trigger: "proactive",
    latency_ms: 40,
    speak_probability: text === null ? 0.1 : 0.9,
    usage,
    prompt_digest: "5d1e",
  } as ServerMessage;
}

export function response(tick: number, text: string, seq: number): ServerMessage[] {
  const id = `resp_${tick}`;
  const metadata = { trigger: "proactive", tick: String(tick), time_s: String(tick + 1) } as const;
  return [
    { type: "response.created", seq, response: { id, status: "in_progress", metadata } },
    { type: "response.output_text.delta", seq: seq + 1, response_id: id, delta: text.slice(0, 3) },
    { type: "response.output_text.delta", seq: seq + 2, response_id: id, delta: text.slice(3) },
    { type: "response.output_text.done", seq: seq + 3, response_id: id, text },
    { type: "response.done", seq: seq + 4, response: { id, status: "completed", metadata } },
  ];
}

export function created(change: { resumed?: boolean; id?: string } = {}): ServerMessage {
  return {
    type: "session.created",
    session: {
      id: change.id ?? "s1",
      model: "test",
      audio: { output: { voice: null, speed: null } },
      onlooker: {
        resume: { token: "r1", grace_s: 60 },
        resumed: change.resumed ?? false,
        sequence: 0,
        num_missed: 0,
        now_s: 0,
        period_s: 1,
        instructions: [],
        persona: "default",
        talkativeness: 0.5,
        streams: ["camera"],
        has_voice: true,
        has_ears: true,
        limits: {
          max_frame_bytes: 1,
          max_streams: 8,
          max_instructions: 32,
          max_text_characters: 4000,
        },
      },
    },
  };
}
