// The conversation: what was said by whom, and a place to type or to speak.
import { useEffect, useMemo, useRef, useState } from "react";
import { useWatching } from "../live/use";
import type { Said, Task } from "../live/state";
import { Microphone, Speaker } from "../live/voice";
import { clockTime, useWords } from "../words/words";
import { Icon } from "./icons";
import { Markdown } from "./markdown";
import { TaskCard } from "./task_card";

type Entry = { order: number; said: Said } | { order: number; task: Task };

export function Talk({ onChoose }: { onChoose: (tick: number) => void }) {
  const words = useWords();
  const [{ live }] = useWatching();
  const list = useRef<HTMLOListElement>(null);
  const entries = useMemo(() => told(live.said, live.tasks), [live.said, live.tasks]);
  const isAtEnd = useRef(true);
  useEffect(() => {
    const element = list.current;
    if (element && isAtEnd.current) element.scrollTop = element.scrollHeight;
  }, [entries]);
  return (
    <section className="talk panel" aria-labelledby="talk-title">
      <h2 id="talk-title">{words.talk.title}</h2>
      {entries.length === 0 ? (
        <p className="quiet talk-empty">{words.talk.empty}</p>
      ) : (
        <ol
          className="talk-list"
          ref={list}
          tabIndex={0}
          aria-labelledby="talk-title"
          onScroll={(event) => {
            const { scrollTop, scrollHeight, clientHeight } = event.currentTarget;
            isAtEnd.current = scrollHeight - scrollTop - clientHeight < 40;
          }}
        >
          {entries.map((entry) =>
            "task" in entry ? (
              <TaskCard key={entry.task.id} task={entry.task} />
            ) : (
              <Line key={entry.said.key} said={entry.said} onChoose={onChoose} />
            ),
          )}
        </ol>
      )}
      <Composer />
    </section>
  );
}

function told(said: Said[], tasks: Task[]): Entry[] {
  const lines = said.filter((one) => one.text && one.who !== "brain");
  return [
    ...lines.map((one): Entry => ({ order: one.order, said: one })),
    ...tasks.map((task): Entry => ({ order: task.order, task })),
  ].sort((a, b) => a.order - b.order);
}

function Line({ said, onChoose }: { said: Said; onChoose: (tick: number) => void }) {
  const words = useWords();
  const names = { user: words.talk.you, scene: words.talk.scene, onlooker: words.talk.onlooker, brain: words.talk.brain };
  const { tick } = said;
  return (
    <li className={`line-said line-${said.who}`}>
      <p className="line-head">
        <span>{names[said.who]}</span>
        {tick === null ? (
          <time>{clockTime(said.timeS)}</time>
        ) : (
          <button type="button" className="link" onClick={() => onChoose(tick)}>
            <time>{clockTime(said.timeS)}</time>
          </button>
        )}
      </p>
      <Markdown text={said.text} />
    </li>
  );
}

function Composer() {
  const words = useWords();
  const [{ live, connection }, watching] = useWatching();
  const [text, setText] = useState("");
  const most = live.session?.onlooker.limits.max_text_characters ?? 4000;
  return (
    <form
      className="composer"
      onSubmit={(event) => {
        event.preventDefault();
        if (text.trim()) watching.say(text.trim());
        setText("");
      }}
    >
      <textarea
        rows={1}
        aria-label={words.talk.label}
        placeholder={words.talk.placeholder}
        maxLength={most}
        value={text}
        onChange={(event) => setText(event.target.value)}
        onKeyDown={(event) => {
          if (event.key !== "Enter" || event.shiftKey || event.nativeEvent.isComposing) return;
          event.preventDefault();
          event.currentTarget.form?.requestSubmit();
        }}
      />
      <HoldToTalk isReady={connection === "open"} />
      <MuteButton />
      <button type="submit" className="icon-button filled" aria-label={words.talk.send}>
        <Icon name="send" />
      </button>
    </form>
  );
}

function HoldToTalk({ isReady }: { isReady: boolean }) {
  const words = useWords();
  const [{ live }, watching] = useWatching();
  const [state, setState] = useState<"off" | "on" | "failed">("off");
  const microphone = useRef<Microphone | null>(null);
  const { hearing } = live;

  async function begin(): Promise<void> {
    if (microphone.current || !isReady) return;
    const opened = new Microphone((message) => watching.sendNow(message));
    microphone.current = opened;
    setState("on");
    try {
      await opened.open();
      if (microphone.current !== opened) opened.close(); // let go while the browser still asked
    } catch {
      microphone.current = null;
      setState("failed");
    }
  }

  function end(): void {
    if (!microphone.current) return;
    microphone.current.close();
    microphone.current = null;
    setState("off");
  }

  return (
    <>
      <button
        type="button"
        className="icon-button hold"
        aria-label={words.talk.hold}
        aria-pressed={state === "on"}
        title={words.talk.holdHint}
        disabled={!isReady}
        onPointerDown={(event) => {
          event.currentTarget.setPointerCapture(event.pointerId);
          void begin();
        }}
        onPointerUp={end}
        onPointerCancel={end}
        onKeyDown={(event) => {
          if (event.key === " " && !event.repeat) void begin();
        }}
        onKeyUp={(event) => event.key === " " && end()}
        onBlur={end}
      >
        <Icon name="mic" />
      </button>
      <span className="composer-note" role="status">
        {state === "on" ? hearing || words.talk.listening : ""}
        {state === "failed" && words.talk.noMicrophone}
      </span>
    </>
  );
}

function MuteButton() {
  const words = useWords();
  const [, watching] = useWatching();
  const speaker = useRef<Speaker>(null);
  speaker.current ??= new Speaker();
  const [isMuted, setIsMuted] = useState(true);
  const [hasVoice, setHasVoice] = useState(false);
  useEffect(() => {
    const voice = speaker.current;
    if (!voice) return;
    voice.mute(true);
    return watching.hear((message) => {
      if (message.type === "response.output_audio.delta") setHasVoice(true);
      voice.take(message);
    });
  }, [watching]);
  function turn(): void {
    speaker.current?.mute(!isMuted);
    setIsMuted(!isMuted);
    const modalities: ("text" | "audio")[] = isMuted ? ["audio"] : ["text"];
    watching.send({
      type: "session.update",
      session: { type: "realtime", output_modalities: modalities },
    });
  }
  const name = isMuted ? words.talk.unmute : words.talk.mute;
  return (
    <button
      type="button"
      className="icon-button"
      aria-label={name}
      aria-pressed={!isMuted && hasVoice}
      title={name}
      onClick={turn}
    >
      <Icon name={isMuted ? "mute" : "sound"} />
    </button>
  );
}
