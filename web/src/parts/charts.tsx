// Decisions a minute, and how long they take.
import { latenciesOf, minutesOf, tokensASecond } from "../live/span";
import type { Second } from "../live/state";
import { useWords } from "../words/words";

const NUM_LATENCIES = 90;
const NUM_MINUTES = 15;
const HEIGHT = 56;

export function Charts({ seconds }: { seconds: Second[] }) {
  const words = useWords();
  const spread = latenciesOf(seconds, NUM_LATENCIES);
  const minutes = minutesOf(seconds, NUM_MINUTES);
  const tokens = tokensASecond(seconds, 60);
  const spoken = minutes.reduce((sum, minute) => sum + minute.spoken, 0);
  const all = minutes.reduce((sum, minute) => sum + minute.all, 0);
  return (
    <div className="charts">
      <section className="chart panel">
        <h3>{words.charts.latency}</h3>
        {spread ? (
          <>
            <p className="figure">
              <b>{Math.round(spread.medianMs)} ms</b> {words.charts.median} ·{" "}
              {Math.round(spread.p95Ms)} ms {words.charts.p95}
            </p>
            <Line values={spread.values} />
          </>
        ) : (
          <p className="figure quiet">{words.charts.none}</p>
        )}
      </section>
      <section className="chart panel">
        <h3>{words.charts.decisions}</h3>
        <p className="figure">
          <b>{spoken}</b> {words.charts.spoken} · {all - spoken} {words.charts.silent}
        </p>
        <Bars minutes={minutes} />
      </section>
      <section className="chart chart-small panel">
        <h3>{words.charts.tokens}</h3>
        <p className="figure">
          <b>{tokens === null ? "–" : Math.round(tokens).toLocaleString()}</b>
        </p>
      </section>
    </div>
  );
}

function Line({ values }: { values: number[] }) {
  const most = Math.max(...values, 1);
  const points = values.map((value, index) => {
    const x = (index / Math.max(1, values.length - 1)) * 100;
    return `${x.toFixed(2)},${(HEIGHT - 3 - (value / most) * (HEIGHT - 8)).toFixed(2)}`;
  });
  return (
    <svg className="line" viewBox={`0 0 100 ${HEIGHT}`} preserveAspectRatio="none" aria-hidden="true">
      <polygon points={`0,${HEIGHT} ${points.join(" ")} 100,${HEIGHT}`} />
      <polyline points={points.join(" ")} />
    </svg>
  );
}

function Bars({ minutes }: { minutes: { spoken: number; all: number }[] }) {
  const step = 100 / minutes.length;
  return (
    <svg className="bars" viewBox={`0 0 100 ${HEIGHT}`} preserveAspectRatio="none" aria-hidden="true">
      {minutes.map(({ spoken, all }, index) => {
        const whole = Math.min(1, all / 60) * (HEIGHT - 4);
        const part = Math.min(1, spoken / 60) * (HEIGHT - 4);
        const x = index * step + step * 0.15;
        return (
          <g key={index}>
            <rect className="bars-silent" x={x} y={HEIGHT - whole} width={step * 0.7} height={whole} />
            <rect className="bars-spoken" x={x} y={HEIGHT - part} width={step * 0.7} height={part} />
          </g>
        );
      })}
    </svg>
  );
}
