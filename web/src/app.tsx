// The frame around the pages: where one is, how the session is, language and theme.
import { useEffect, useState } from "react";
import { signIn, signedIn } from "./api/rest";
import { useWatching } from "./live/use";
import { Broken } from "./parts/broken";
import { Icon } from "./parts/icons";
import { Live } from "./pages/live";
import { Memory } from "./pages/memory";
import { Metrics } from "./pages/metrics";
import { Recordings } from "./pages/recordings";
import { SettingsPage } from "./pages/settings";
import { Start } from "./pages/start";
import { clockTime, useLooks, useWords } from "./words/words";
import type { Theme } from "./words/words";

const PAGES = ["live", "memory", "recordings", "metrics", "settings"] as const;
type Page = (typeof PAGES)[number];

export function App() {
  const words = useWords();
  const page = usePage();
  const [{ connection }, watching] = useWatching();
  useEffect(() => watching.resume(), [watching]);
  useEffect(() => {
    document.title = `${words.app.pages[page]} · Onlooker`;
  }, [words, page]);
  const isWatching = !["idle", "ended", "refused"].includes(connection);
  return (
    <>
      <a
        className="skip"
        href="#main"
        onClick={(event) => {
          event.preventDefault();
          document.getElementById("main")?.focus();
        }}
      >
        {words.app.skip}
      </a>
      <Header page={page} isWatching={isWatching} />
      <main id="main" tabIndex={-1}>
        <Broken key={page}>
          {connection === "refused" ? <Token /> : <Content page={page} isWatching={isWatching} />}
        </Broken>
      </main>
    </>
  );
}

function Content({ page, isWatching }: { page: Page; isWatching: boolean }) {
  if (page === "memory") return <Memory />;
  if (page === "recordings") return <Recordings />;
  if (page === "metrics") return <Metrics />;
  if (page === "settings") return <SettingsPage />;
  return isWatching ? <Live /> : <Start />;
}

function Header({ page, isWatching }: { page: Page; isWatching: boolean }) {
  const words = useWords();
  const looks = useLooks();
  const [{ isPaused }, watching] = useWatching();
  const next: Record<Theme, Theme> = { auto: "light", light: "dark", dark: "auto" };
  const icon = ({ auto: "half", light: "sun", dark: "moon" } as const)[looks.theme];
  return (
    <header className="top">
      <a className="brand" href="#/live" aria-label="Onlooker">
        <Icon name="eye" size={24} />
        <span>Onlooker</span>
      </a>
      <nav aria-label="Onlooker">
        {PAGES.map((one) => (
          <a key={one} href={`#/${one}`} aria-current={one === page ? "page" : undefined}>
            {words.app.pages[one]}
          </a>
        ))}
      </nav>
      <span className="spring" />
      <Status isWatching={isWatching} />
      {isWatching && (
        <>
          <button
            type="button"
            className="icon-button"
            aria-label={isPaused ? words.app.resume : words.app.pause}
            title={isPaused ? words.app.resume : words.app.pause}
            onClick={() => watching.pause(!isPaused)}
          >
            <Icon name={isPaused ? "play" : "pause"} />
          </button>
          <button
            type="button"
            className="icon-button"
            aria-label={words.app.stop}
            title={words.app.stop}
            onClick={() => watching.stop()}
          >
            <Icon name="stop" />
          </button>
        </>
      )}
      <button
        type="button"
        className="icon-button theme"
        aria-label={words.app.theme[looks.theme]}
        title={words.app.theme[looks.theme]}
        onClick={() => looks.setTheme(next[looks.theme])}
      >
        <Icon name={icon} />
      </button>
      <button
        type="button"
        className="language"
        lang={looks.language === "en" ? "zh-CN" : "en"}
        onClick={() => looks.setLanguage(looks.language === "en" ? "zh" : "en")}
      >
        {words.app.language}
      </button>
    </header>
  );
}

function Status({ isWatching }: { isWatching: boolean }) {
  const words = useWords();
  const [{ connection, isPaused, isCall, live }] = useWatching();
  if (!isWatching) return null;
  const isOpen = connection === "open";
  const state = isOpen ? (isPaused ? "paused" : "open") : connection === "lost" ? "lost" : "connecting";
  return (
    <span className={`status status-${state}`} role="status">
      <span className="dot" />
      {words.status[state]}
      {isOpen && isCall && (
        <span className="badge" title={words.live.isCall}>
          WebRTC
        </span>
      )}
      {isOpen && !isPaused && <RunningTime nowS={live.nowS} anchorMs={live.anchorMs} />}
    </span>
  );
}

function RunningTime({ nowS, anchorMs }: { nowS: number; anchorMs: number }) {
  const [, tick] = useState(0);
  useEffect(() => {
    const timer = window.setInterval(() => tick((count) => count + 1), 1000);
    return () => window.clearInterval(timer);
  }, []);
  const time = clockTime(Math.floor(nowS + (performance.now() - anchorMs) / 1000));
  return <time aria-hidden="true">{time}</time>;
}

function Token() {
  const words = useWords();
  const [, watching] = useWatching();
  const [token, setToken] = useState("");
  return (
    <form
      className="token panel"
      onSubmit={(event) => {
        event.preventDefault();
        signIn(token.trim());
        watching.stop();
        window.location.hash = "#/live";
      }}
    >
      <h1>{words.token.title}</h1>
      <p>{signedIn() ? words.token.wrong : words.token.text}</p>
      <label>
        <span>{words.token.label}</span>
        <input
          type="password"
          autoComplete="off"
          autoFocus
          required
          value={token}
          onChange={(event) => setToken(event.target.value)}
        />
      </label>
      <button type="submit" className="button primary">
        {words.token.enter}
      </button>
    </form>
  );
}

function usePage(): Page {
  const [page, setPage] = useState(() => pageOf(window.location.hash));
  useEffect(() => {
    const turn = () => {
      setPage(pageOf(window.location.hash));
      window.scrollTo(0, 0);
    };
    window.addEventListener("hashchange", turn);
    return () => window.removeEventListener("hashchange", turn);
  }, []);
  return page;
}

function pageOf(hash: string): Page {
  return PAGES.find((page) => hash === `#/${page}`) ?? "live";
}
