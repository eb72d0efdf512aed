// Sessions on disk: play, export, delete.
import { useCallback, useEffect, useMemo, useState } from "react";
import type { WireEvent } from "../api/events";
import {
  deleteRecording,
  exportRecording,
  recordedEvents,
  recordedPictureUrl,
  recordings,
} from "../api/server";
import type { Recording } from "../api/server";
import { EMPTY, reduce } from "../live/state";
import type { LiveState } from "../live/state";
import type { ServerMessage } from "../api/messages";
import { Icon } from "../parts/icons";
import { Fetched, Page, Waiting, useAsked } from "../parts/page";
import { Timeline } from "../parts/timeline";
import { bytesText, clockTime, useWords } from "../words/words";

export function Recordings() {
  const words = useWords();
  const listed = useAsked(recordings);
  const [playing, setPlaying] = useState("");
  return (
    <Page title={words.recordings.title} lead={words.recordings.lead}>
      <Waiting asked={listed} />
      {listed.value?.length === 0 && <p className="quiet">{words.recordings.none}</p>}
      {listed.value?.map((one) => (
        <Row
          key={one.id}
          recording={one}
          isPlaying={playing === one.id}
          onPlay={() => setPlaying(playing === one.id ? "" : one.id)}
          onGone={listed.again}
        />
      ))}
    </Page>
  );
}

interface RowProps {
  recording: Recording;
  isPlaying: boolean;
  onPlay: () => void;
  onGone: () => void;
}

function Row({ recording, isPlaying, onPlay, onGone }: RowProps) {
  const words = useWords();
  const [isSure, setIsSure] = useState(false);
  const [trouble, setTrouble] = useState("");
  const { id, started, num_bytes, num_seconds } = recording;
  const told = (error: Error) => setTrouble(words.app.failed(error.message));
  return (
    <section className="panel recording" aria-label={id}>
      <div className="recording-name">
        <b>{started ? new Date(started).toLocaleString() : id}</b>
        <span className="quiet">
          {id} · {bytesText(num_bytes)}
          {num_seconds !== null && ` · ${words.recordings.seconds(num_seconds)}`}
        </span>
      </div>
      <div className="recording-actions">
        <button type="button" className="button small" aria-expanded={isPlaying} onClick={onPlay}>
          <Icon name={isPlaying ? "stop" : "play"} size={16} />
          {isPlaying ? words.recordings.stop : words.recordings.play}
        </button>
        <button
          type="button"
          className="button small"
          onClick={() => exportRecording(id).catch(told)}
        >
          <Icon name="download" size={16} />
          {words.recordings.export}
        </button>
        <button
          type="button"
          className="button small bad"
          onBlur={() => setIsSure(false)}
          onClick={() => (isSure ? deleteRecording(id).then(onGone, told) : setIsSure(true))}
        >
          <Icon name="trash" size={16} />
          {isSure ? words.recordings.removeSure : words.recordings.remove}
        </button>
      </div>
      {trouble && <p role="alert">{trouble}</p>}
      {isPlaying && <Player id={id} />}
    </section>
  );
}

function Player({ id }: { id: string }) {
  const words = useWords();
  const events = useAsked(useCallback(() => recordedEvents(id), [id]));
  const played = useMemo(() => playedOf(events.value ?? []), [events.value]);
  const [tick, setTick] = useState<number | null>(null);
  const first = played.seconds[0]?.tick ?? 0;
  const last = played.seconds.at(-1)?.tick ?? 0;
  const at = tick ?? first;
  useEffect(() => {
    if (events.value === null) return;
    const timer = window.setInterval(
      () => setTick((now) => Math.min(last, (now ?? first) + 1)),
      1000,
    );
    return () => window.clearInterval(timer);
  }, [events.value, first, last]);
  const second = played.seconds.findLast((one) => one.tick <= at);
  const said = played.seconds.findLast((one) => one.tick <= at && one.text);
  const pictured = played.seconds.findLast((one) => one.tick <= at && one.pictures.length > 0);
  const picture = pictured?.pictures[0]?.id;
  const fetchUrl = useCallback(() => recordedPictureUrl(id, picture ?? ""), [id, picture]);
  if (events.value === null) return <Waiting asked={events} />;
  return (
    <div className="player">
      {picture && <Fetched fetchUrl={fetchUrl} alt={clockTime(second?.endS ?? 0)} />}
      <p className="player-text" aria-live="polite">
        {said && `${clockTime(said.endS)}  ${said.text}`}
      </p>
      <Timeline seconds={played.seconds} periodS={1} chosen={at} onChoose={setTick} />
      <p className="quiet">
        {words.recordings.replay} <code>onlooker replay {id} --model …</code>
      </p>
    </div>
  );
}

function playedOf(events: unknown[]): LiveState {
  let state = EMPTY;
  for (const event of events as WireEvent[]) {
    const message = { ...event, type: `onlooker.${event.type}` } as unknown as ServerMessage;
    state = reduce(state, message, 0);
  }
  return state;
}
