// A recording decided on again, by another model or as a proof, and where the two differ.
import { useEffect, useRef, useState } from "react";
import { replay } from "../api/recordings";
import type { Difference, Recording, ReplayLine } from "../api/recordings";
import { clockTime, useWords } from "../words/words";
import type { Words } from "../words/en";

const AS_IT_WAS = "";
const MAX_SHOWN = 100;

interface Props {
  recording: Recording;
  models: string[];
  onSeek: (timeS: number) => void;
}

type Report = Extract<ReplayLine, { type: "replayed" }>;

export function Replay({ recording, models, onSeek }: Props) {
  const words = useWords();
  const [model, setModel] = useState(models[0] ?? AS_IT_WAS);
  const [doneS, setDoneS] = useState<number | null>(null); // null: nothing runs
  const [report, setReport] = useState<Report | null>(null);
  const [trouble, setTrouble] = useState("");
  const times = useRef(new Map<number, number>()); // tick -> its end
  const abort = useRef<AbortController | null>(null);
  useEffect(() => () => abort.current?.abort(), []);

  async function run(): Promise<void> {
    const mine = new AbortController();
    abort.current = mine;
    setDoneS(0);
    setReport(null);
    setTrouble("");
    try {
      for await (const line of replay(recording.id, model || null, mine.signal)) take(line);
    } catch (error) {
      if (!mine.signal.aborted) setTrouble((error as Error).message);
    }
    if (abort.current === mine) setDoneS(null);
  }

  function take(line: ReplayLine): void {
    if (line.type === "replayed") setReport(line);
    else if (line.type === "error") setTrouble(line.message);
    else {
      if (line.tick !== null) times.current.set(line.tick, line.time_s);
      setDoneS(line.time_s);
    }
  }

  const isRunning = doneS !== null;
  const most = recording.num_seconds ?? 1;
  return (
    <div className="replay">
      <form
        className="one-line"
        onSubmit={(event) => {
          event.preventDefault();
          if (isRunning) abort.current?.abort();
          else void run();
        }}
      >
        <label className="replay-model">
          <span className="hidden">{words.recordings.model}</span>
          <select value={model} disabled={isRunning} onChange={(event) => setModel(event.target.value)}>
            {models.map((one) => (
              <option key={one} value={one}>
                {words.recordings.withModel(one)}
              </option>
            ))}
            <option value={AS_IT_WAS}>{words.recordings.asItWas}</option>
          </select>
        </label>
        <button type="submit" className={isRunning ? "button" : "button primary"}>
          {isRunning ? words.recordings.replayStop : words.recordings.replayGo}
        </button>
      </form>
      {isRunning && (
        <progress aria-label={words.recordings.replaying} max={most} value={Math.min(most, doneS)} />
      )}
      <div role="status">
        {trouble && <p className="notice notice-bad">{words.app.failed(trouble)}</p>}
        {report && <p>{words.recordings.same(report.num_same_decision, report.num_ticks)}</p>}
        {report && !report.is_complete && <p className="quiet">{words.recordings.cutOff}</p>}
      </div>
      {report && report.differences.length > 0 && (
        <Differences report={report} times={times.current} words={words} onSeek={onSeek} />
      )}
    </div>
  );
}

interface DifferencesProps {
  report: Report;
  times: Map<number, number>;
  words: Words;
  onSeek: (timeS: number) => void;
}

function Differences({ report, times, words, onSeek }: DifferencesProps) {
  const shown = report.differences.slice(0, MAX_SHOWN);
  return (
    <div className="scroll" tabIndex={0} role="region" aria-label={words.recordings.differences}>
      <table className="table differences">
        <thead>
          <tr>
            <th scope="col">{words.recordings.time}</th>
            <th scope="col">{words.recordings.then}</th>
            <th scope="col">{words.recordings.now}</th>
          </tr>
        </thead>
        <tbody>
          {shown.map((one) => {
            const timeS = times.get(one.tick) ?? one.tick + 1;
            return (
              <tr key={one.tick}>
                <td>
                  <button type="button" className="link" onClick={() => onSeek(timeS)}>
                    <time>{clockTime(timeS)}</time>
                  </button>
                </td>
                <td>{readable(one.recorded, words)}</td>
                <td>{readable(one.replayed, words)}</td>
              </tr>
            );
          })}
        </tbody>
      </table>
      {report.differences.length > MAX_SHOWN && (
        <p className="quiet">{words.recordings.more(report.differences.length - MAX_SHOWN)}</p>
      )}
    </div>
  );
}

// Both sides come as their models write decisions: see core/decision.py.
export function readable(written: Difference["recorded"], words: Words): string {
  if (written === "</silence>") return words.timeline.outcomes.silent;
  return written.replace(/^<\/response>\s*/, "").replace(/\s*<\/delegation>\s*/, " → ");
}
