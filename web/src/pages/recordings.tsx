// Sessions on disk: play, replay with another model, export, delete.
import { useState } from "react";
import { deleteRecording, exportRecording, recordings } from "../api/recordings";
import type { Recording } from "../api/recordings";
import { Icon } from "../parts/icons";
import type { IconName } from "../parts/icons";
import { Page, Waiting, useAsked } from "../parts/page";
import { Player } from "../parts/player";
import { Replay } from "../parts/replay";
import { bytesText, clockTime, useLooks, useWords } from "../words/words";

export function Recordings() {
  const words = useWords();
  const listed = useAsked(recordings);
  const [playing, setPlaying] = useState("");
  return (
    <Page title={words.recordings.title} lead={words.recordings.lead}>
      <Waiting asked={listed} />
      {listed.value?.recordings.length === 0 && <p className="quiet">{words.recordings.none}</p>}
      {listed.value?.recordings.map((one) => (
        <Row
          key={one.id}
          recording={one}
          models={listed.value?.models ?? []}
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
  models: string[];
  isPlaying: boolean;
  onPlay: () => void;
  onGone: () => void;
}

function Row({ recording, models, isPlaying, onPlay, onGone }: RowProps) {
  const words = useWords();
  const { language } = useLooks();
  const [isSure, setIsSure] = useState(false);
  const [isReplaying, setIsReplaying] = useState(false);
  const [seekS, setSeekS] = useState<number | null>(null);
  const [trouble, setTrouble] = useState("");
  const { id, started, num_bytes, num_seconds } = recording;
  const told = (error: Error) => setTrouble(words.app.failed(error.message));
  const name = started
    ? new Date(started).toLocaleString(language === "zh" ? "zh-CN" : "en-GB", {
        dateStyle: "medium",
        timeStyle: "short",
      })
    : id;
  return (
    <section className="panel recording" aria-label={id}>
      <div className="recording-name">
        <b>{name}</b>
        <span className="quiet">
          {num_seconds !== null && `${clockTime(num_seconds)} · `}
          {bytesText(num_bytes)} · {id}
        </span>
      </div>
      <div className="recording-actions">
        <Action icon={isPlaying ? "stop" : "play"} isOpen={isPlaying} onClick={onPlay}>
          {isPlaying ? words.recordings.stop : words.recordings.play}
        </Action>
        <Action icon="bolt" isOpen={isReplaying} onClick={() => setIsReplaying(!isReplaying)}>
          {words.recordings.replay}
        </Action>
        <Action icon="download" onClick={() => void exportRecording(id).catch(told)}>
          {words.recordings.export}
        </Action>
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
      {isReplaying && (
        <Replay
          recording={recording}
          models={models}
          onSeek={(timeS) => {
            setSeekS(timeS);
            if (!isPlaying) onPlay();
          }}
        />
      )}
      {isPlaying && <Player recording={recording} toS={seekS} />}
    </section>
  );
}

interface ActionProps {
  icon: IconName;
  isOpen?: boolean;
  onClick: () => void;
  children: string;
}

function Action({ icon, isOpen, onClick, children }: ActionProps) {
  return (
    <button type="button" className="button small" aria-expanded={isOpen} onClick={onClick}>
      <Icon name={icon} size={16} />
      {children}
    </button>
  );
}
