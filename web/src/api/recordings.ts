// Sessions on disk: parts of them as they are needed, and the whole to take along.
import type { WireEvent } from "./events";
import { blobUrl, call, get } from "./rest";
import { download } from "./server";

export interface Recording {
  id: string;
  started: string | null;
  num_bytes: number;
  num_seconds: number | null;
  sounds: string[]; // streams whose sound was kept
}

export interface Recordings {
  recordings: Recording[];
  models: string[]; // that can replay them
}

export type Place = readonly [offset: number, numBytes: number];

export interface Span {
  sinceS: number;
  events: WireEvent[];
  places: Map<string, Place>; // of pictures, by their ids
}

export interface Difference {
  tick: number;
  recorded: string;
  replayed: string;
}

export type ReplayLine =
  | { type: "decided"; tick: number; time_s: number }
  | { type: "failed"; tick: number | null; time_s: number }
  | { type: "error"; message: string }
  | {
      type: "replayed";
      num_ticks: number;
      num_same_decision: number;
      num_same_prompt: number;
      differences: Difference[];
      is_complete: boolean;
    };

const at = (id: string) => `v1/recordings/${encodeURIComponent(id)}`;

export function recordings(): Promise<Recordings> {
  return get<Recordings>("v1/recordings");
}

export async function recordedSpan(id: string, sinceS: number, untilS: number): Promise<Span> {
  type Written = WireEvent & { places?: Record<string, Place> };
  const path = `${at(id)}?since_s=${sinceS}&until_s=${untilS}`;
  const { events } = await get<{ events: Written[] }>(path);
  const places = events.flatMap((event) => Object.entries(event.places ?? {}));
  return { sinceS, events, places: new Map(places) };
}

// Its bytes alone come over the network, out of the one file of all pictures.
export async function recordedPictureUrl(id: string, [offset, numBytes]: Place): Promise<string> {
  const headers = { Range: `bytes=${offset}-${offset + numBytes - 1}` };
  const response = await call("GET", `${at(id)}/files/pictures.mjpeg`, undefined, { headers });
  return URL.createObjectURL(new Blob([await response.blob()], { type: "image/jpeg" }));
}

export function recordedSoundUrl(id: string, stream: string): Promise<string> {
  return blobUrl(`${at(id)}/files/${encodeURIComponent(stream)}.opus`);
}

// Whoever aborts ends the replay on the server, too.
export async function* replay(
  id: string,
  model: string | null,
  signal: AbortSignal,
): AsyncGenerator<ReplayLine> {
  const response = await call("POST", `${at(id)}/replay`, { model }, { signal });
  const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  while (reader) {
    const { value, done } = await reader.read();
    const lines = (rest + (value ?? "")).split("\n");
    rest = lines.pop() ?? "";
    for (const line of lines) if (line) yield JSON.parse(line) as ReplayLine;
    if (done) return;
  }
}

export async function exportRecording(id: string): Promise<void> {
  download(await blobUrl(`${at(id)}/export`), `${id}.zip`);
}

export async function deleteRecording(id: string): Promise<void> {
  await call("DELETE", at(id));
}
