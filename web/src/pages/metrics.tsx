// What the server counts.
import { useEffect, useMemo } from "react";
import { isReady, metrics } from "../api/server";
import { Page, Waiting, useAsked } from "../parts/page";
import { useWords } from "../words/words";

const EVERY_MS = 5000;

export function Metrics() {
  const words = useWords();
  const text = useAsked(metrics);
  const ready = useAsked(isReady);
  useEffect(() => {
    const timer = window.setInterval(text.again, EVERY_MS);
    return () => window.clearInterval(timer);
  }, [text.again]);
  const rows = useMemo(() => rowsOf(text.value ?? ""), [text.value]);
  return (
    <Page title={words.metrics.title} lead={words.metrics.lead}>
      <p className="one-line">
        <span className={ready.value === false ? "dot dot-bad" : "dot"} />
        {ready.value === false ? words.metrics.notReady : words.metrics.ready}
      </p>
      <Waiting asked={text} />
      {rows.length > 0 && (
        <section className="panel scroll" tabIndex={0} aria-label={words.metrics.title}>
          <table className="table">
            <tbody>
              {rows.map((row) => (
                <tr key={row.name}>
                  <td>
                    {row.help || row.name}
                    <br />
                    <code className="quiet">{row.name}</code>
                  </td>
                  <td>{row.value}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </section>
      )}
      {text.value && (
        <details>
          <summary>{words.metrics.raw}</summary>
          <pre className="raw" tabIndex={0}>
            {text.value}
          </pre>
        </details>
      )}
    </Page>
  );
}

interface Row {
  name: string;
  help: string;
  value: string;
}

// Ours alone, without the buckets of histograms.
function rowsOf(text: string): Row[] {
  const helps = new Map<string, string>();
  const rows: Row[] = [];
  for (const line of text.split("\n")) {
    const help = /^# HELP (\S+) (.*)$/.exec(line);
    if (help) helps.set(help[1] ?? "", help[2] ?? "");
    const sample = /^(onlooker\w*)(\{[^}]*\})? (\S+)$/.exec(line);
    const [, name = "", labels = "", value = ""] = sample ?? [];
    if (!name || /_(bucket|created)$/.test(name)) continue;
    const base = name.replace(/_(count|sum)$/, "");
    const number = Number(value);
    rows.push({
      name: name + labels,
      help: helps.get(name) ?? helps.get(base) ?? "",
      value: Number.isInteger(number) ? number.toLocaleString() : number.toPrecision(4),
    });
  }
  return rows;
}
