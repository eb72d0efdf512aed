// Everything that can be set, with what it means.
import { useState } from "react";
import { settings } from "../api/server";
import type { Setting } from "../api/server";
import { Page, Waiting, useAsked } from "../parts/page";
import { useLooks, useWords } from "../words/words";
import type { Language, Theme } from "../words/words";
import { wantCall, wantsCall } from "../live/watching";

const LANGUAGES: [Language, string][] = [
  ["en", "English"],
  ["zh", "中文"],
];
const THEMES: Theme[] = ["auto", "light", "dark"];

export function SettingsPage() {
  const words = useWords();
  const looks = useLooks();
  const asked = useAsked(settings);
  const [filter, setFilter] = useState("");
  const [isCall, setIsCall] = useState(wantsCall);
  const shown = (asked.value ?? []).filter((one) =>
    `${one.key} ${one.help}`.toLowerCase().includes(filter.trim().toLowerCase()),
  );
  return (
    <Page title={words.settings.title} lead={words.settings.lead}>
      <section className="panel" aria-labelledby="settings-page">
        <h2 id="settings-page">{words.settings.page}</h2>
        <div className="fields">
          <div>
            <span className="field-name">{words.settings.language}</span>
            <div className="segments" role="group" aria-label={words.settings.language}>
              {LANGUAGES.map(([language, name]) => (
                <button
                  key={language}
                  type="button"
                  lang={language}
                  aria-pressed={looks.language === language}
                  onClick={() => looks.setLanguage(language)}
                >
                  {name}
                </button>
              ))}
            </div>
          </div>
          <div>
            <span className="field-name">{words.settings.theme}</span>
            <div className="segments" role="group" aria-label={words.settings.theme}>
              {THEMES.map((theme) => (
                <button
                  key={theme}
                  type="button"
                  aria-pressed={looks.theme === theme}
                  onClick={() => looks.setTheme(theme)}
                >
                  {words.settings.themes[theme]}
                </button>
              ))}
            </div>
          </div>
          <div>
            <span className="field-name">{words.settings.transport}</span>
            <div className="segments" role="group" aria-label={words.settings.transport}>
              {[false, true].map((one) => (
                <button
                  key={String(one)}
                  type="button"
                  aria-pressed={isCall === one}
                  onClick={() => {
                    wantCall(one);
                    setIsCall(one);
                  }}
                >
                  {one ? words.settings.byCall : words.settings.bySocket}
                </button>
              ))}
            </div>
          </div>
        </div>
        <p className="quiet">{isCall ? words.settings.byCallHint : words.settings.bySocketHint}</p>
      </section>
      <section className="panel" aria-labelledby="settings-server">
        <h2 id="settings-server">{words.settings.server}</h2>
        <input
          type="search"
          aria-label={words.settings.filter}
          placeholder={words.settings.filter}
          value={filter}
          onChange={(event) => setFilter(event.target.value)}
        />
        <Waiting asked={asked} />
        <dl>
          {shown.map((one) => (
            <Row key={one.key} setting={one} />
          ))}
        </dl>
      </section>
    </Page>
  );
}

function Row({ setting }: { setting: Setting }) {
  const words = useWords();
  const { key, value, help, is_changed } = setting;
  return (
    <div className="setting">
      <dt>
        {key} {is_changed && <span className="badge">{words.settings.differs}</span>}
      </dt>
      <dd>{typeof value === "string" ? value || "–" : JSON.stringify(value)}</dd>
      {help && <dd className="setting-help">{help}</dd>}
    </div>
  );
}
