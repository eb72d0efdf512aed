// What it says, large, as it falls; read aloud by screen readers.
import { useEffect, useState } from "react";
import type { Said } from "../live/state";
import { useWatching } from "../live/use";
import { clockTime, useWords } from "../words/words";
import { Icon } from "./icons";

const FRESH_S = 8;
const NUM_BEFORE = 2;

export function Utterances({ onChoose }: { onChoose: (tick: number) => void }) {
  const words = useWords();
  const [{ live }] = useWatching();
  const lines = live.said.filter((one) => one.who === "onlooker" && one.text);
  const newest = lines.at(-1);
  const before = lines.slice(-1 - NUM_BEFORE, -1);
  return (
    <section className="says">
      {newest ? (
        <Newest said={newest} nowS={live.nowS} onChoose={onChoose} />
      ) : (
        <>
          <p className="says-quiet">{words.live.quiet}</p>
          <p className="quiet">{words.live.quietHint}</p>
        </>
      )}
      {before.length > 0 && (
        <ol className="says-before">
          {before.toReversed().map((said) => (
            <li key={said.key}>
              <time>{clockTime(said.timeS)}</time>
              <span>{said.text}</span>
            </li>
          ))}
        </ol>
      )}
      <Announcer said={newest} />
    </section>
  );
}

interface NewestProps {
  said: Said;
  nowS: number;
  onChoose: (tick: number) => void;
}

function Newest({ said, nowS, onChoose }: NewestProps) {
  const words = useWords();
  const { tick } = said;
  const [{ live }] = useWatching();
  const isVoiced = tick !== null && tick === live.voiced;
  const isFresh = nowS - said.timeS < FRESH_S;
  return (
    <div className={isFresh ? "says-now says-fresh" : "says-now"}>
      <p className="says-text">{said.text}</p>
      <p className="says-meta">
        {tick !== null && (
          <button type="button" className="link" onClick={() => onChoose(tick)}>
            <time>{clockTime(said.timeS)}</time>
          </button>
        )}
        {said.trigger && <span className="badge">{words.live.triggers[said.trigger]}</span>}
        {isVoiced && (
          <span className="says-voiced" role="img" aria-label={words.voice.speaking}>
            <Icon name="sound" size={16} />
          </span>
        )}
      </p>
    </div>
  );
}

// Only whole sentences are announced: a screen reader must not read a line piece by piece.
function Announcer({ said }: { said: Said | undefined }) {
  const [whole, setWhole] = useState("");
  const text = said?.isWhole ? said.text : "";
  useEffect(() => {
    if (text) setWhole(text);
  }, [text, said?.key]);
  return (
    <p className="hidden" aria-live="polite" aria-atomic="true" data-testid="announced">
      {whole}
    </p>
  );
}
