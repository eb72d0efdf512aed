// What is remembered: search it, see the evidence, forget it.
import { useCallback, useState } from "react";
import { forget, memoryPictureUrl, searchMemory } from "../api/server";
import type { Remembered } from "../api/server";
import { useWatching } from "../live/use";
import { Icon } from "../parts/icons";
import { Fetched, Page, Waiting, useAsked } from "../parts/page";
import { useLooks, useWords } from "../words/words";

export function Memory() {
  const words = useWords();
  const [{ live }] = useWatching();
  const session = live.session?.id;
  if (session) return <Search session={session} />;
  return (
    <Page title={words.memory.title} lead={words.memory.lead}>
      <p className="notice">{words.memory.needsSession}</p>
    </Page>
  );
}

function Search({ session }: { session: string }) {
  const words = useWords();
  const [draft, setDraft] = useState("");
  const [wanted, setWanted] = useState("");
  const found = useAsked(useCallback(() => searchMemory(session, wanted), [session, wanted]));
  return (
    <Page title={words.memory.title} lead={words.memory.lead}>
      <form
        className="one-line"
        role="search"
        onSubmit={(event) => {
          event.preventDefault();
          setWanted(draft.trim());
          found.again();
        }}
      >
        <input
          type="search"
          aria-label={words.memory.search}
          placeholder={words.memory.placeholder}
          value={draft}
          onChange={(event) => setDraft(event.target.value)}
        />
        <button type="submit" className="button primary">
          {words.memory.go}
        </button>
      </form>
      <Waiting asked={found} />
      {found.value?.length === 0 && <p className="quiet">{words.memory.none}</p>}
      <ul className="found">
        {found.value?.map((one) => <Found key={one.id} session={session} found={one} />)}
      </ul>
      <Forget session={session} onForgotten={found.again} />
    </Page>
  );
}

function Found({ session, found }: { session: string; found: Remembered }) {
  const words = useWords();
  const { language } = useLooks();
  const picture = useCallback(() => memoryPictureUrl(session, found.id), [session, found.id]);
  const at = new Date(found.wall_s * 1000).toLocaleString(language === "zh" ? "zh-CN" : "en-GB", {
    dateStyle: "medium",
    timeStyle: "medium",
  });
  return (
    <li>
      {found.has_picture && <Fetched fetchUrl={picture} alt={words.memory.evidence} />}
      <div className="found-text">
        <p className="found-meta">
          <span className="badge">{words.memory.kinds[found.kind] ?? found.kind}</span>
          <time>{at}</time>
          {found.stream && <span>{found.stream}</span>}
        </p>
        {found.text || found.labels.join(", ")}
      </div>
    </li>
  );
}

function Forget({ session, onForgotten }: { session: string; onForgotten: () => void }) {
  const words = useWords();
  const [told, setTold] = useState("");

  async function go(form: HTMLFormElement): Promise<void> {
    const data = new FormData(form);
    const text = (name: string) => String(data.get(name) ?? "").trim();
    const [topic, stream] = [text("topic"), text("stream")];
    const [since_s, until_s] = [wallTime(text("since")), wallTime(text("until"))];
    try {
      const gone = await forget(session, {
        ...(topic && { topic }),
        ...(stream && { stream }),
        ...(since_s !== null && { since_s }),
        ...(until_s !== null && { until_s }),
      });
      setTold(words.memory.forgotten(gone.num_entries, gone.num_pictures));
      form.reset();
      onForgotten();
    } catch (error) {
      setTold(words.app.failed((error as Error).message));
    }
  }

  return (
    <details className="panel">
      <summary>{words.memory.forget}</summary>
      <p className="quiet">{words.memory.forgetLead}</p>
      <form
        className="fields"
        onSubmit={(event) => {
          event.preventDefault();
          void go(event.currentTarget);
        }}
      >
        <label>
          <span>{words.memory.topic}</span>
          <input name="topic" />
        </label>
        <label>
          <span>{words.memory.stream}</span>
          <input name="stream" />
        </label>
        <label>
          <span>{words.memory.since}</span>
          <input name="since" type="datetime-local" />
        </label>
        <label>
          <span>{words.memory.until}</span>
          <input name="until" type="datetime-local" />
        </label>
        <button type="submit" className="button bad">
          <Icon name="trash" size={16} />
          {words.memory.forgetGo}
        </button>
      </form>
      <p role="status">{told}</p>
    </details>
  );
}

function wallTime(text: string): number | null {
  return text ? new Date(text).getTime() / 1000 : null;
}
