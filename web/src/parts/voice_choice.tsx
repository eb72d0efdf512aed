// Whether it speaks aloud, and how it sounds.
import { useState } from "react";
import type { ReactNode } from "react";
import { voiceOffer } from "../api/server";
import type { VoiceOffer } from "../api/server";
import { useWatching } from "../live/use";
import { useWords } from "../words/words";
import { Icon } from "./icons";
import { Waiting, useAsked } from "./page";

const SPEED_STEP = 0.05;

export function VoiceHead({ title }: { title: ReactNode }) {
  const words = useWords();
  const [{ live, isVoiceOn }, watching] = useWatching();
  const [isOpen, setIsOpen] = useState(false);
  const hasVoice = live.session?.onlooker.has_voice ?? false;
  const name = isVoiceOn ? words.talk.mute : words.talk.unmute;
  return (
    <>
      <div className="talk-head">
        {title}
        <span className="spring" />
        <button
          type="button"
          className="button small"
          aria-expanded={isOpen}
          aria-controls="voice-choice"
          onClick={() => setIsOpen(!isOpen)}
        >
          {words.voice.title}
        </button>
        <button
          type="button"
          className="icon-button"
          aria-label={name}
          aria-pressed={isVoiceOn}
          title={hasVoice ? name : words.voice.none}
          disabled={!hasVoice}
          onClick={() => watching.voice(!isVoiceOn)}
        >
          <Icon name={isVoiceOn ? "sound" : "mute"} />
        </button>
      </div>
      <div
        id="voice-choice"
        className="voice-choice"
        role="group"
        aria-label={words.voice.title}
        hidden={!isOpen}
        onKeyDown={(event) => event.key === "Escape" && setIsOpen(false)}
      >
        {isOpen && (hasVoice ? <VoiceChoice /> : <p className="quiet">{words.voice.none}</p>)}
      </div>
    </>
  );
}

function VoiceChoice() {
  const offer = useAsked(voiceOffer);
  return offer.value ? <Offered offer={offer.value} /> : <Waiting asked={offer} />;
}

function Offered({ offer }: { offer: VoiceOffer }) {
  const words = useWords();
  const [{ live }, watching] = useWatching();
  const chosen = live.session?.audio.output;
  const voice = chosen?.voice ?? offer.voice;
  const [only] = offer.voices;
  return (
    <>
      {offer.voices.length > 1 ? (
        <label>
          <span>{words.voice.which}</span>
          <select
            value={voice}
            onChange={(event) => watching.soundLike({ voice: event.target.value })}
          >
            {offer.voices.map((one) => (
              <option key={one.id} value={one.id}>
                {one.language && one.name !== one.id ? `${one.name} (${one.language})` : one.name}
              </option>
            ))}
          </select>
        </label>
      ) : (
        <p className="quiet">{words.voice.only(only?.name ?? voice)}</p>
      )}
      {offer.fastest > offer.slowest && (
        <Speed
          offer={offer}
          speed={chosen?.speed ?? offer.speed}
          onChoose={(speed) => watching.soundLike({ speed })}
        />
      )}
    </>
  );
}

interface SpeedProps {
  offer: VoiceOffer;
  speed: number;
  onChoose: (speed: number) => void;
}

function Speed({ offer, speed, onChoose }: SpeedProps) {
  const words = useWords();
  const [moved, setMoved] = useState<number | null>(null); // until the server has it, too
  const shown = moved ?? speed;
  return (
    <label>
      <span className="voice-speed">
        {words.voice.speed}
        <b>{shown.toFixed(2)}×</b>
      </span>
      <input
        type="range"
        min={offer.slowest}
        max={offer.fastest}
        step={SPEED_STEP}
        value={shown}
        aria-valuetext={`${shown.toFixed(2)}×`}
        onChange={(event) => {
          setMoved(Number(event.target.value));
          onChoose(Number(event.target.value));
        }}
      />
    </label>
  );
}
