// Why it spoke, or did not, in one second.
import { useEffect, useRef, useState } from "react";
import type { ReactNode } from "react";
import { whyOf } from "../api/server";
import type { Label } from "../api/messages";
import type { Second } from "../live/state";
import { clockTime, useWords } from "../words/words";
import type { Words } from "../words/en";
import { Icon } from "./icons";

interface Props {
  session: string;
  tick: number;
  periodS: number;
  second: Second | null;
  newest: number;
  onChoose: (tick: number | null) => void;
  onLabel: (label: Label) => void;
}

export function Why({ session, tick, periodS, second, newest, onChoose, onLabel }: Props) {
  const words = useWords();
  const time = clockTime((tick + 1) * periodS);
  const panel = useRef<HTMLElement>(null);
  useEffect(() => {
    panel.current?.scrollIntoView({ block: "nearest" }); // newer browsers give a promise back
  }, []);
  return (
    <section ref={panel} className="why panel" aria-label={words.why.title(time)}>
      <header className="why-head">
        <button
          type="button"
          className="icon-button"
          aria-label={words.why.previous}
          disabled={tick <= 0}
          onClick={() => onChoose(tick - 1)}
        >
          <Icon name="left" />
        </button>
        <button
          type="button"
          className="icon-button"
          aria-label={words.why.next}
          disabled={tick >= newest}
          onClick={() => onChoose(tick + 1)}
        >
          <Icon name="right" />
        </button>
        <h2>
          {words.why.title(time)}
          {second?.outcome && <em>{words.timeline.outcomes[second.outcome]}</em>}
        </h2>
        <button type="button" className="button small" onClick={() => onChoose(null)}>
          {words.live.back}
        </button>
      </header>
      {second ? (
        <Facts session={session} second={second} words={words} onLabel={onLabel} />
      ) : (
        <p className="quiet">{words.why.none}</p>
      )}
    </section>
  );
}

interface FactsProps {
  session: string;
  second: Second;
  words: Words;
  onLabel: (label: Label) => void;
}

function Facts({ session, second, words, onLabel }: FactsProps) {
  const seen = second.views.flatMap((view) => view.objects.map((thing) => thing.label));
  const read = second.views.flatMap((view) => view.texts.map((line) => line.text));
  const change = Math.max(0, ...second.views.map((view) => view.change));
  const heard = second.heard.map((one) => one.text);
  return (
    <>
      {second.text && <blockquote className="why-text">{second.text}</blockquote>}
      {second.why && <p className="quiet">{words.why.skipped[second.why] ?? second.why}</p>}
      <Probability second={second} words={words} />
      <dl className="facts">
        {second.latencyMs !== null && (
          <Fact name={words.why.latency}>{Math.round(second.latencyMs)} ms</Fact>
        )}
        {second.usage?.prompt_tokens != null && (
          <Fact name={words.why.tokens}>
            {second.usage.prompt_tokens}
            {second.usage.cached_tokens ? `, ${words.why.cached(second.usage.cached_tokens)}` : ""}
          </Fact>
        )}
        {second.trigger && second.text && (
          <Fact name={words.why.trigger}>{words.live.triggers[second.trigger]}</Fact>
        )}
        {seen.length > 0 && <Fact name={words.why.seen}>{counted(seen)}</Fact>}
        {read.length > 0 && <Fact name={words.why.read}>{read.join(" · ")}</Fact>}
        {change > 0 && <Fact name={words.why.change}>{change.toFixed(1)}</Fact>}
        {heard.length > 0 && <Fact name={words.why.heard}>{heard.join(" · ")}</Fact>}
        {second.recalled.length > 0 && (
          <Fact name={words.why.recalled}>{second.recalled.join(" · ")}</Fact>
        )}
      </dl>
      <PromptText key={second.tick} session={session} tick={second.tick} words={words} />
      <Labels second={second} words={words} onLabel={onLabel} />
    </>
  );
}

function Fact({ name, children }: { name: string; children: ReactNode }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  );
}

function Probability({ second, words }: { second: Second; words: Words }) {
  if (second.outcome === "skipped" || second.outcome === null) return null;
  if (second.probability === null) return <p className="quiet">{words.why.probabilityNone}</p>;
  const percent = Math.round(second.probability * 100);
  return (
    <div className="probability">
      <span>{words.why.probability}</span>
      <meter min={0} max={100} value={percent} aria-label={words.why.probability}>
        {percent} %
      </meter>
      <b>{percent} %</b>
    </div>
  );
}

function PromptText({ session, tick, words }: { session: string; tick: number; words: Words }) {
  const [text, setText] = useState<string | null>(null);
  if (text === null) {
    return (
      <button
        type="button"
        className="button small"
        onClick={() => {
          setText(words.app.loading);
          whyOf(session, tick).then(
            (why) => setText(why.prompt.join("\n\n") || words.app.nothing),
            (error: Error) => setText(words.app.failed(error.message)),
          );
        }}
      >
        {words.why.promptLoad}
      </button>
    );
  }
  return (
    <details open className="why-prompt">
      <summary>{words.why.prompt}</summary>
      <pre tabIndex={0}>{text}</pre>
    </details>
  );
}

function Labels({ second, words, onLabel }: Omit<FactsProps, "session">) {
  if (second.outcome === null) return null;
  const choices: [Label, string][] = second.text
    ? [
        ["useful", words.why.useful],
        ["false_alarm", words.why.falseAlarm],
      ]
    : [["missed", words.why.missed]];
  return (
    <div className="why-labels" role="group" aria-label={words.why.label}>
      <span>{words.why.label}</span>
      {choices.map(([label, name]) => (
        <button
          key={label}
          type="button"
          className="button small"
          aria-pressed={second.label === label}
          onClick={() => onLabel(label)}
        >
          <Icon name={label === "useful" ? "thumb" : label === "missed" ? "speak" : "cross"} size={16} />
          {name}
        </button>
      ))}
      <span role="status">{second.label ? words.why.labelled : ""}</span>
    </div>
  );
}

function counted(labels: string[]): string {
  const counts = new Map<string, number>();
  for (const label of labels) counts.set(label, (counts.get(label) ?? 0) + 1);
  return [...counts].map(([label, count]) => (count > 1 ? `${count} × ${label}` : label)).join(", ");
}
