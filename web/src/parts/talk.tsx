// The conversation: what was said by whom, and a place to type or to speak.
import { useEffect, useMemo, useRef, useState } from "react";
import { useWatching } from "../live/use";
import type { Hearing, Said, Task } from "../live/state";
import { clockTime, useWords } from "../words/words";
import { Icon } from "./icons";
import { Markdown } from "./markdown";
import { Listening, MicrophoneButton, useMicrophone } from "./microphone";
import { TaskCard } from "./task_card";
import { VoiceHead } from "./voice_choice";

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
  }, [entries, live.hearing]);
  return (
    <section className="talk panel" aria-labelledby="talk-title">
      <VoiceHead title={<h2 id="talk-title">{words.talk.title}</h2>} />
      {entries.length === 0 && !live.hearing ? (
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
          {live.hearing && <Partial hearing={live.hearing} />}
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

// What somebody is saying, as far as it is understood; no live region, or it would be read piece by piece.
function Partial({ hearing }: { hearing: Hearing }) {
  const words = useWords();
  const name = hearing.who === "user" ? words.talk.you : words.talk.scene;
  return (
    <li className={`line-said line-partial line-${hearing.who}`}>
      <p className="line-head">
        <span>{name}</span>
      </p>
      <p className="markdown">{`${hearing.text} …`.trimStart()}</p>
    </li>
  );
}

function Composer() {
  const words = useWords();
  const [{ live, connection }, watching] = useWatching();
  const [text, setText] = useState("");
  const microphone = useMicrophone();
  const hasEars = live.session?.onlooker.has_ears ?? false;
  const most = live.session?.onlooker.limits.max_text_characters ?? 4000;
  return (
    <>
      <Listening microphone={microphone} />
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
        <MicrophoneButton
          microphone={microphone}
          isReady={connection === "open" && hasEars}
          hint={hasEars ? words.talk.holdHint : words.talk.noEars}
        />
        <button type="submit" className="icon-button filled" aria-label={words.talk.send}>
          <Icon name="send" />
        </button>
      </form>
    </>
  );
}
