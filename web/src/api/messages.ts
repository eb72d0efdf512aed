// What goes over /v1/realtime: see docs/realtime.md. Session events are the generated WireEvents.
import type { Instruction, WireEvent } from "./events";

export type Persona = "silent" | "default" | "talkative";
export type Label = "useful" | "false_alarm" | "missed";

export type InstructionWish = Pick<Instruction, "id" | "text"> & {
  state: "standing" | "paused";
};

export interface SessionLimits {
  max_frame_bytes: number;
  max_streams: number;
  max_instructions: number;
  max_text_characters: number;
}

export interface SessionInfo {
  id: string;
  model: string;
  audio: { output: { voice: string | null; speed: number | null } };
  onlooker: {
    resume: { token: string; grace_s: number };
    resumed: boolean;
    sequence: number;
    num_missed: number;
    now_s: number;
    period_s: number;
    instructions: InstructionWish[];
    persona: Persona;
    talkativeness: number | null;
    streams: string[];
    has_voice: boolean;
    has_ears: boolean;
    limits: SessionLimits;
  };
}

export type Trigger = "proactive" | "asked" | "answer" | "alert";

interface Response {
  id: string;
  status: "in_progress" | "completed" | "failed" | "cancelled";
  metadata: { trigger?: Trigger; tick?: string; time_s?: string; task_id?: string };
}

// The type of a WireEvent with its name on the connection.
type Named<E> = E extends { type: infer T extends string }
  ? Omit<E, "type"> & { type: `onlooker.${T}` }
  : never;

type Additions = { start_s?: number; trigger?: Trigger };

export type ServerMessage = { seq?: number; event_id?: string } & (
  | { type: "session.created" | "session.updated"; session: SessionInfo }
  | { type: "response.created"; response: Response }
  | { type: "response.done"; response: Response }
  | { type: "response.output_text.delta"; response_id: string; delta: string }
  | { type: "response.output_text.done"; response_id: string; text: string }
  | { type: "response.output_audio.delta"; response_id: string; delta: string }
  | { type: "response.output_audio_transcript.delta"; response_id: string; delta: string }
  | { type: "response.output_audio_transcript.done"; response_id: string; transcript: string }
  | { type: "input_audio_buffer.speech_started" | "input_audio_buffer.speech_stopped" }
  | { type: "output_audio_buffer.cleared" }
  | { type: "conversation.item.input_audio_transcription.delta"; item_id: string; delta: string }
  | {
      type: "conversation.item.input_audio_transcription.completed";
      item_id: string;
      transcript: string;
    }
  | { type: "error"; error: { code: string | null; message: string } }
  | { type: "onlooker.frames"; stream: string; num_received: number; num_dropped: number }
  | { type: "onlooker.dropped"; num_events: number; num_events_total: number }
  | { type: "onlooker.labelled"; tick: number; label: Label }
  | { type: "onlooker.going_away"; reason: string; is_resumable: boolean }
  | (Named<WireEvent> & Additions)
);

export type ClientMessage =
  | {
      type: "session.update";
      session: {
        type: "realtime";
        output_modalities?: ("text" | "audio")[];
        audio?: { output: { voice?: string; speed?: number } };
        onlooker?: {
          instructions?: InstructionWish[];
          persona?: Persona;
          talkativeness?: number;
        };
      };
    }
  | {
      type: "conversation.item.create";
      item: { type: "message"; role: "user"; content: Content[] };
    }
  | { type: "response.create" | "response.cancel" }
  | { type: "input_audio_buffer.append"; audio: string; onlooker: { stream: string } }
  | { type: "input_audio_buffer.commit" | "input_audio_buffer.clear" }
  | { type: "onlooker.task.cancel"; task_id: string }
  | { type: "onlooker.label"; tick: number; label: Label; note?: string }
  | { type: "onlooker.stream.add"; stream: string; address?: string }
  | { type: "onlooker.stream.remove"; stream: string }
  | { type: "onlooker.session.close" };

type Content =
  | { type: "input_text"; text: string }
  | {
      type: "input_image";
      image_url: string;
      onlooker: { stream: string; captured_ms: number };
    };

export function words(text: string): ClientMessage {
  return {
    type: "conversation.item.create",
    item: { type: "message", role: "user", content: [{ type: "input_text", text }] },
  };
}

export function picture(jpegUrl: string, stream: string, capturedMs: number): ClientMessage {
  const onlooker = { stream, captured_ms: capturedMs };
  return {
    type: "conversation.item.create",
    item: {
      type: "message",
      role: "user",
      content: [{ type: "input_image", image_url: jpegUrl, onlooker }],
    },
  };
}
