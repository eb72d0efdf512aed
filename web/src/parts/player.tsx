// A recording, played: its pictures, its words, its sound, all at one time. It is fetched piece by piece.
import { useCallback, useEffect, useMemo, useRef, useState } from "react";
import { recordedPictureUrl, recordedSoundUrl, recordedSpan } from "../api/recordings";
import type { Place, Recording } from "../api/recordings";
import { SPAN_S, momentOf, periodOf, playedOf } from "../live/played";
import { clockTime, useWords } from "../words/words";
import { Icon } from "./icons";
import { Fetched, Waiting, useAsked } from "./page";
import { Timeline } from "./timeline";

const STEP_MS = 250;
const SPEEDS = [1, 4, 16];
const MAX_DRIFT_S = 0.3; // of the sound, before it is set right

export function Player({ recording, toS }: { recording: Recording; toS: number | null }) {
  const words = useWords();
  const { id } = recording;
  const endS = recording.num_seconds ?? 0;
  const [atS, setAtS] = useState(0);
  const [isRunning, setIsRunning] = useState(true);
  const [speed, setSpeed] = useState(1);
  const sinceS = Math.floor(Math.min(atS, Math.max(0, endS - 1e-3)) / SPAN_S) * SPAN_S;
  const span = useAsked(useCallback(() => recordedSpan(id, sinceS, sinceS + SPAN_S), [id, sinceS]));
  const { seconds } = useMemo(() => playedOf(span.value), [span.value]);
  const isHere = span.value?.sinceS === sinceS;
  const moment = isHere ? momentOf(seconds, atS) : null;
  const periodS = periodOf(seconds);
  const untilS = Math.min(endS, sinceS + SPAN_S);
  const stretch = {
    numSlots: Math.max(1, Math.round((untilS - sinceS) / periodS)),
    oldest: clockTime(sinceS),
    newest: clockTime(untilS),
  };

  useEffect(() => {
    if (toS === null) return;
    setAtS(toS);
    setIsRunning(false);
  }, [toS]);

  useEffect(() => {
    if (!isRunning || !isHere) return;
    let beforeMs = performance.now();
    const timer = window.setInterval(() => {
      const nowMs = performance.now();
      const stepS = ((nowMs - beforeMs) / 1000) * speed;
      beforeMs = nowMs;
      setAtS((now) => Math.min(endS, now + stepS));
    }, STEP_MS);
    return () => window.clearInterval(timer);
  }, [isRunning, isHere, speed, endS]);

  const isAtEnd = atS >= endS;
  const isPlaying = isRunning && !isAtEnd;
  function turn(): void {
    if (isAtEnd) setAtS(0);
    setIsRunning(isAtEnd || !isRunning);
  }

  return (
    <div className="player">
      <div className={(moment?.pictures.length ?? 0) > 1 ? "player-pictures player-many" : "player-pictures"}>
        {moment?.pictures.map((picture) => (
          <RecordedPicture
            key={picture.stream}
            recording={id}
            place={span.value?.places.get(picture.id)}
            alt={`${picture.stream}, ${clockTime(picture.time_s)}`}
          />
        ))}
      </div>
      <p className="player-text" aria-live="polite">
        {moment?.said && `${clockTime(moment.said.endS)}  ${moment.said.text}`}
      </p>
      <div className="player-bar">
        <button
          type="button"
          className="icon-button filled"
          aria-label={isPlaying ? words.recordings.pause : words.recordings.resume}
          onClick={turn}
        >
          <Icon name={isPlaying ? "pause" : "play"} />
        </button>
        <input
          type="range"
          min={0}
          max={endS}
          step={periodS}
          value={atS}
          aria-label={words.recordings.position}
          aria-valuetext={`${clockTime(atS)} / ${clockTime(endS)}`}
          onChange={(event) => setAtS(Number(event.target.value))}
        />
        <time className="player-time">
          {clockTime(atS)} / {clockTime(endS)}
        </time>
        <div className="segments" role="group" aria-label={words.recordings.speed}>
          {SPEEDS.map((one) => (
            <button key={one} type="button" aria-pressed={one === speed} onClick={() => setSpeed(one)}>
              {one}×
            </button>
          ))}
        </div>
        {recording.sounds.length > 0 && (
          <Sound recording={recording} atS={atS} isPlaying={isPlaying && speed === 1} />
        )}
      </div>
      {isHere ? (
        <Timeline
          seconds={seconds}
          periodS={periodS}
          chosen={moment?.second?.tick ?? null}
          stretch={stretch}
          onChoose={(tick) => {
            const second = seconds.find((one) => one.tick === tick);
            setAtS(second?.endS ?? (tick === null ? endS : (tick + 1) * periodS));
          }}
        />
      ) : (
        <Waiting asked={{ ...span, value: null }} />
      )}
    </div>
  );
}

interface PictureProps {
  recording: string;
  place: Place | undefined;
  alt: string;
}

function RecordedPicture({ recording, place, alt }: PictureProps) {
  const [offset, numBytes] = place ?? [0, 0];
  const fetchUrl = useCallback(
    () => recordedPictureUrl(recording, [offset, numBytes]),
    [recording, offset, numBytes],
  );
  return numBytes ? <Fetched fetchUrl={fetchUrl} alt={alt} /> : null;
}

interface SoundProps {
  recording: Recording;
  atS: number;
  isPlaying: boolean;
}

// Position in each file is session time, so all of them run together.
function Sound({ recording, atS, isPlaying }: SoundProps) {
  const words = useWords();
  const [urls, setUrls] = useState<string[] | null>(null);
  const [isOn, setIsOn] = useState(false);
  const players = useRef<(HTMLAudioElement | null)[]>([]);
  useEffect(() => () => urls?.forEach((url) => URL.revokeObjectURL(url)), [urls]);
  useEffect(() => {
    for (const player of players.current) {
      if (!player) continue;
      if (Math.abs(player.currentTime - atS) > MAX_DRIFT_S) player.currentTime = atS;
      if (isOn && isPlaying && player.paused) void player.play().catch(() => undefined);
      else if (!(isOn && isPlaying)) player.pause();
    }
  }, [atS, isOn, isPlaying, urls]);

  async function turn(): Promise<void> {
    setIsOn(!isOn);
    if (urls || isOn) return;
    setUrls(await Promise.all(recording.sounds.map((one) => recordedSoundUrl(recording.id, one))));
  }

  const name = isOn ? words.recordings.silence : words.recordings.sound;
  return (
    <>
      <button
        type="button"
        className="icon-button"
        aria-label={name}
        aria-pressed={isOn}
        title={name}
        onClick={() => void turn().catch(() => setIsOn(false))}
      >
        <Icon name={isOn ? "sound" : "mute"} />
      </button>
      {urls?.map((url, index) => (
        <audio
          key={url}
          src={url}
          preload="auto"
          ref={(player) => {
            players.current[index] = player;
          }}
        />
      ))}
    </>
  );
}
