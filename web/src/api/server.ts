// What the page asks of the server beside the session's connection: see docs/api.md.
import { blobUrl, call, get } from "./rest";

export interface Zone {
  name: string;
  stream: string | null; // null: every stream
  points: [number, number][]; // fractions of width and height
}

const NUM_KEPT_PICTURES = 60;
const pictures = new Map<string, Promise<string>>();

// Gives an address that an <img> can show; the newest few stay at hand.
export function pictureUrl(session: string, id: string): Promise<string> {
  const known = pictures.get(id);
  if (known) return known;
  const made = blobUrl(`v1/sessions/${session}/pictures/${id}`);
  made.catch(() => pictures.delete(id));
  pictures.set(id, made);
  for (const [oldest, url] of pictures) {
    if (pictures.size <= NUM_KEPT_PICTURES) break;
    pictures.delete(oldest);
    void url.then(URL.revokeObjectURL, () => undefined);
  }
  return made;
}

export async function zonesOf(session: string): Promise<Zone[]> {
  return (await get<{ zones: Zone[] }>(`v1/sessions/${session}/zones`)).zones;
}

export async function keepZones(session: string, zones: Zone[]): Promise<void> {
  await call("PUT", `v1/sessions/${session}/zones`, { zones });
}

export interface WhyRecord {
  prompt: string[];
}

export function whyOf(session: string, tick: number): Promise<WhyRecord> {
  return get<WhyRecord>(`v1/sessions/${session}/seconds/${tick}`);
}

export async function openArtefact(
  session: string,
  task: string,
  index: number,
  title: string,
): Promise<void> {
  const url = await blobUrl(`v1/sessions/${session}/tasks/${task}/artefacts/${index}`);
  download(url, title || `${task}-${index}`);
}

// Saved, never shown: what an agent made runs nowhere near this page.
export function download(url: string, name: string): void {
  const link = document.createElement("a");
  link.href = url;
  link.download = name;
  link.click();
  window.setTimeout(() => URL.revokeObjectURL(url), 10_000);
}

export interface Remembered {
  id: number;
  kind: string;
  wall_s: number;
  text: string;
  stream: string | null;
  labels: string[];
  has_picture: boolean;
}

export async function searchMemory(session: string, words: string): Promise<Remembered[]> {
  const query = new URLSearchParams({ q: words, limit: "40" });
  const path = `v1/sessions/${session}/memory?${query}`;
  return (await get<{ found: Remembered[] }>(path)).found;
}

export function memoryPictureUrl(session: string, id: number): Promise<string> {
  return blobUrl(`v1/sessions/${session}/memory/${id}/picture`);
}

export interface Forget {
  topic?: string;
  stream?: string;
  since_s?: number; // wall time
  until_s?: number;
}

export async function forget(
  session: string,
  what: Forget,
): Promise<{ num_entries: number; num_pictures: number }> {
  const response = await call("POST", `v1/sessions/${session}/memory/forget`, what);
  return (await response.json()) as { num_entries: number; num_pictures: number };
}

export interface OfferedVoice {
  id: string;
  name: string;
  language: string;
}

export interface VoiceOffer {
  voices: OfferedVoice[];
  voice: string;
  speed: number;
  slowest: number;
  fastest: number;
}

export function voiceOffer(): Promise<VoiceOffer> {
  return get<VoiceOffer>("v1/voices");
}

export interface Setting {
  key: string;
  value: unknown;
  help: string;
  is_changed: boolean;
}

export async function settings(): Promise<Setting[]> {
  return (await get<{ settings: Setting[] }>("v1/settings")).settings;
}

export async function metrics(): Promise<string> {
  return (await call("GET", "metrics")).text();
}

export async function isReady(): Promise<boolean> {
  return call("GET", "ready").then(
    () => true,
    () => false,
  );
}
