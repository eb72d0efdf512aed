// The first visit: one click, and it watches.
import { useRef, useState } from "react";
import type { ReactNode } from "react";
import { CameraFailed } from "../live/camera";
import type { CameraKind, CameraTrouble } from "../live/camera";
import { useWatching } from "../live/use";
import { Icon } from "../parts/icons";
import type { IconName } from "../parts/icons";
import { useWords } from "../words/words";

export const DEMO = "synthetic:street?live=1&seconds=86400&rate_hz=4&size=640x360";
const STEP_ICONS: IconName[] = ["eye", "half", "speak"];

export function Start() {
  const words = useWords();
  const [{ why, connection }] = useWatching();
  return (
    <div className="start">
      <header className="start-head">
        <h1>{words.start.title}</h1>
        <p>{words.start.lead}</p>
      </header>
      {connection === "ended" && (
        <p className="notice" role="status">
          {words.status.ended}
          {why && `: ${why}`}
        </p>
      )}
      <Choices />
      <ol className="steps">
        {words.start.steps.map((step, index) => (
          <li key={step.title}>
            <Icon name={STEP_ICONS[index] ?? "eye"} size={22} />
            <h2>{step.title}</h2>
            <p>{step.text}</p>
          </li>
        ))}
      </ol>
      <p className="quiet start-private">{words.start.private}</p>
    </div>
  );
}

// Also shown beside a running session, to add another camera.
export function Choices({ onDone }: { onDone?: () => void }) {
  const words = useWords();
  const [, watching] = useWatching();
  const [state, setState] = useState<"" | "waiting" | CameraTrouble>("");
  const [isTyping, setIsTyping] = useState(false);
  const file = useRef<HTMLInputElement>(null);

  async function show(what: { kind: CameraKind; file?: File }): Promise<void> {
    setState(what.kind === "file" ? "" : "waiting");
    try {
      await watching.show(what);
      setState("");
      onDone?.();
    } catch (error) {
      setState(error instanceof CameraFailed ? error.trouble : "other");
    }
  }

  function watch(address: string, name: string): void {
    watching.watch(address, name);
    onDone?.();
  }

  return (
    <div className="choices">
      <div className="choice-grid">
        <Choice icon="camera" title={words.start.webcam} hint={words.start.webcamHint} isFirst>
          {() => void show({ kind: "webcam" })}
        </Choice>
        <Choice icon="screen" title={words.start.screen} hint={words.start.screenHint}>
          {() => void show({ kind: "screen" })}
        </Choice>
        <Choice icon="file" title={words.start.file} hint={words.start.fileHint}>
          {() => file.current?.click()}
        </Choice>
        <Choice icon="link" title={words.start.url} hint={words.start.urlHint} isOpen={isTyping}>
          {() => setIsTyping(!isTyping)}
        </Choice>
        <Choice icon="play" title={words.start.demo} hint={words.start.demoHint}>
          {() => watch(DEMO, "demo")}
        </Choice>
      </div>
      <input
        ref={file}
        type="file"
        accept="video/*"
        className="hidden"
        tabIndex={-1}
        aria-label={words.start.file}
        onChange={(event) => {
          const chosen = event.target.files?.[0];
          event.target.value = "";
          if (chosen) void show({ kind: "file", file: chosen });
        }}
      />
      {isTyping && <AddressForm onWatch={(address) => watch(address, "camera")} />}
      <div role="alert">
        {state === "waiting" && (
          <Notice title={words.start.waiting}>{words.start.waitingHint}</Notice>
        )}
        {state !== "" && state !== "waiting" && <Notice isBad>{words.trouble[state]}</Notice>}
      </div>
    </div>
  );
}

interface ChoiceProps {
  icon: IconName;
  title: string;
  hint: string;
  isFirst?: boolean;
  isOpen?: boolean;
  children: () => void;
}

function Choice({ icon, title, hint, isFirst, isOpen, children }: ChoiceProps) {
  return (
    <button
      type="button"
      className={isFirst ? "choice choice-first" : "choice"}
      aria-expanded={isOpen}
      onClick={children}
    >
      <span className="choice-icon">
        <Icon name={icon} size={24} />
      </span>
      <span className="choice-title">{title}</span>
      <span className="choice-hint">{hint}</span>
    </button>
  );
}

function AddressForm({ onWatch }: { onWatch: (address: string) => void }) {
  const words = useWords();
  const [address, setAddress] = useState("");
  return (
    <form
      className="one-line address"
      onSubmit={(event) => {
        event.preventDefault();
        if (address.trim()) onWatch(address.trim());
      }}
    >
      <input
        autoFocus
        aria-label={words.start.urlLabel}
        placeholder={words.start.urlExample}
        value={address}
        spellCheck={false}
        onChange={(event) => setAddress(event.target.value)}
      />
      <button type="submit" className="button primary">
        {words.start.watch}
      </button>
    </form>
  );
}

function Notice({ title, isBad, children }: { title?: string; isBad?: boolean; children: ReactNode }) {
  return (
    <p className={isBad ? "notice notice-bad" : "notice"}>
      {title && <b>{title} </b>}
      {children}
    </p>
  );
}
