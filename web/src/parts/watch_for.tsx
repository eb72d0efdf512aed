// What it watches for: instructions as cards, presets, and how readily it speaks.
import { useState } from "react";
import type { InstructionWish, Persona } from "../api/messages";
import { useWatching } from "../live/use";
import { useWords } from "../words/words";
import { Icon } from "./icons";
import type { IconName } from "./icons";

const PERSONAS: Persona[] = ["silent", "default", "talkative"];
const PRESET_ICONS: IconName[] = ["eye", "hash", "language", "clock", "speak", "box"];

export function WatchFor() {
  const words = useWords();
  const [{ live }, watching] = useWatching();
  const { instructions, persona, talkativeness } = live;
  const most = live.session?.onlooker.limits.max_instructions ?? 32;

  function add(text: string): void {
    const id = `page-${Date.now().toString(36)}`;
    watching.instruct([...instructions, { id, text, state: "standing" }]);
  }

  function put(changed: InstructionWish): void {
    watching.instruct(instructions.map((one) => (one.id === changed.id ? changed : one)));
  }

  const unused = words.presets
    .map((preset, index) => ({ ...preset, icon: PRESET_ICONS[index] ?? "eye" }))
    .filter((preset) => !instructions.some((one) => one.text === preset.text));
  return (
    <section className="watch-for panel" aria-labelledby="watch-for-title">
      <h2 id="watch-for-title">{words.watchFor.title}</h2>
      {instructions.length === 0 && <p className="quiet">{words.watchFor.empty}</p>}
      <ul className="cards">
        {instructions.map((one) => (
          <Card
            key={one.id}
            instruction={one}
            onPut={put}
            onRemove={() => watching.instruct(instructions.filter((other) => other.id !== one.id))}
          />
        ))}
      </ul>
      {instructions.length < most && <NewInstruction onAdd={add} />}
      {unused.length > 0 && (
        <div className="presets" role="group" aria-label={words.watchFor.presets}>
          {unused.map((preset) => (
            <button
              key={preset.title}
              type="button"
              className="preset"
              title={preset.text}
              onClick={() => add(preset.text)}
            >
              <Icon name={preset.icon} size={16} />
              {preset.title}
            </button>
          ))}
        </div>
      )}
      <fieldset className="persona">
        <legend>{words.watchFor.persona}</legend>
        <div className="segments">
          {PERSONAS.map((one) => (
            <button
              key={one}
              type="button"
              aria-pressed={persona === one}
              onClick={() => watching.become(one)}
            >
              {words.watchFor.personas[one]}
            </button>
          ))}
        </div>
        {talkativeness !== null && (
          <Talkativeness value={talkativeness} onChange={(value) => watching.talk(value)} />
        )}
      </fieldset>
    </section>
  );
}

function Talkativeness({ value, onChange }: { value: number; onChange: (value: number) => void }) {
  const words = useWords();
  return (
    <label className="talkativeness">
      <span>{words.watchFor.talkativeness}</span>
      <input
        type="range"
        min={0}
        max={1}
        step={0.05}
        value={value}
        onChange={(event) => onChange(Number(event.target.value))}
      />
      <span className="talkativeness-ends" aria-hidden="true">
        <span>{words.watchFor.quieter}</span>
        <span>{words.watchFor.livelier}</span>
      </span>
    </label>
  );
}

interface CardProps {
  instruction: InstructionWish;
  onPut: (changed: InstructionWish) => void;
  onRemove: () => void;
}

function Card({ instruction, onPut, onRemove }: CardProps) {
  const words = useWords();
  const [draft, setDraft] = useState<string | null>(null);
  const isPaused = instruction.state === "paused";
  if (draft !== null) {
    return (
      <li className="card">
        <form
          onSubmit={(event) => {
            event.preventDefault();
            if (draft.trim()) onPut({ ...instruction, text: draft.trim() });
            setDraft(null);
          }}
        >
          <textarea
            aria-label={words.watchFor.edit}
            autoFocus
            rows={2}
            value={draft}
            onChange={(event) => setDraft(event.target.value)}
            onKeyDown={(event) => event.key === "Escape" && setDraft(null)}
          />
          <button type="submit" className="button primary small">
            {words.watchFor.save}
          </button>
        </form>
      </li>
    );
  }
  return (
    <li className={isPaused ? "card card-paused" : "card"}>
      <p>{instruction.text}</p>
      <div className="card-actions">
        {isPaused && <span className="badge">{words.watchFor.paused}</span>}
        <IconButton
          icon={isPaused ? "play" : "pause"}
          name={`${isPaused ? words.watchFor.resume : words.watchFor.pause}: ${instruction.text}`}
          onClick={() => onPut({ ...instruction, state: isPaused ? "standing" : "paused" })}
        />
        <IconButton
          icon="edit"
          name={`${words.watchFor.edit}: ${instruction.text}`}
          onClick={() => setDraft(instruction.text)}
        />
        <IconButton
          icon="trash"
          name={`${words.watchFor.remove}: ${instruction.text}`}
          onClick={onRemove}
        />
      </div>
    </li>
  );
}

function IconButton({ icon, name, onClick }: { icon: IconName; name: string; onClick: () => void }) {
  return (
    <button type="button" className="icon-button" aria-label={name} title={name} onClick={onClick}>
      <Icon name={icon} size={16} />
    </button>
  );
}

function NewInstruction({ onAdd }: { onAdd: (text: string) => void }) {
  const words = useWords();
  const [text, setText] = useState("");
  return (
    <form
      className="one-line"
      onSubmit={(event) => {
        event.preventDefault();
        if (text.trim()) onAdd(text.trim());
        setText("");
      }}
    >
      <input
        aria-label={words.watchFor.label}
        placeholder={words.watchFor.placeholder}
        value={text}
        onChange={(event) => setText(event.target.value)}
      />
      <button type="submit" className="icon-button filled" aria-label={words.watchFor.add}>
        <Icon name="plus" />
      </button>
    </form>
  );
}
