// Every second as a bar: how near it was to speaking, and what it did.
import { useEffect, useRef, useState } from "react";
import type { KeyboardEvent, PointerEvent } from "react";
import { slotsOf } from "../live/span";
import type { Slot, SlotKind } from "../live/span";
import type { Second } from "../live/state";
import { clockTime, useLooks, useWords } from "../words/words";

export interface Stretch {
  numSlots: number;
  oldest: string; // what its ends are called
  newest: string;
}

interface Props {
  seconds: Second[];
  periodS: number;
  chosen: number | null; // tick
  stretch?: Stretch; // left out: up to now, as long as is chosen here
  onChoose: (tick: number | null) => void;
}

const HEIGHT_PX = 64;
const BASE_PX = 8;
const SPANS = [60, 300, 1800];
const KINDS: SlotKind[] = ["silent", "speak", "delegate", "skipped", "failed", "gap"];
const STEPS: Record<string, number> = {
  ArrowLeft: -1,
  ArrowRight: 1,
  PageUp: -10,
  PageDown: 10,
};

export function Timeline({ seconds, periodS, chosen, stretch, onChoose }: Props) {
  const words = useWords();
  const looks = useLooks();
  const [numChosen, setNumChosen] = useState(SPANS[0] ?? 60);
  const numSlots = stretch?.numSlots ?? numChosen;
  const canvas = useRef<HTMLCanvasElement>(null);
  const [widthPx, setWidthPx] = useState(0);
  const slots = slotsOf(seconds, numSlots);
  const newest = seconds.at(-1)?.tick ?? 0;

  useEffect(() => {
    const element = canvas.current;
    if (!element) return;
    const watch = new ResizeObserver(([entry]) => setWidthPx(entry?.contentRect.width ?? 0));
    watch.observe(element);
    return () => watch.disconnect();
  }, []);

  useEffect(() => {
    if (canvas.current && widthPx) paint(canvas.current, widthPx, slots, chosen);
  }, [slots, chosen, widthPx, looks.theme]);

  function point(event: PointerEvent): void {
    const { left, width } = event.currentTarget.getBoundingClientRect();
    const at = Math.floor(((event.clientX - left) / width) * numSlots);
    const slot = slots[Math.min(numSlots - 1, Math.max(0, at))];
    if (slot && slot.tick >= 0) onChoose(slot.tick);
  }

  function press(event: KeyboardEvent): void {
    const from = chosen ?? newest;
    const step = STEPS[event.key];
    if (step) onChoose(Math.min(newest, Math.max(0, from + step)));
    else if (event.key === "Home") onChoose(Math.max(0, slots[0]?.tick ?? 0));
    else if (event.key === "End" || event.key === "Escape") onChoose(null);
    else return;
    event.preventDefault();
  }

  const at = chosen ?? newest;
  const now = slots.find((slot) => slot.tick === at);
  const kind = words.timeline.outcomes[now?.kind ?? "gap"];
  return (
    <section className="timeline" aria-labelledby="timeline-title">
      <header className="timeline-head">
        <h2 id="timeline-title">{words.timeline.title}</h2>
        <ul className="legend">
          {KINDS.map((one) => (
            <li key={one}>
              <span className={`swatch swatch-${one}`} />
              {words.timeline.outcomes[one]}
            </li>
          ))}
        </ul>
        {!stretch && (
          <div className="segments" role="group" aria-label={words.timeline.zoom}>
            {SPANS.map((span) => (
              <button
                key={span}
                type="button"
                aria-pressed={span === numSlots}
                onClick={() => setNumChosen(span)}
              >
                {words.timeline.spans[span]}
              </button>
            ))}
          </div>
        )}
      </header>
      <div
        className="timeline-bars"
        role="slider"
        tabIndex={0}
        aria-label={words.timeline.label}
        aria-valuemin={0}
        aria-valuemax={newest}
        aria-valuenow={at}
        aria-valuetext={words.timeline.at(clockTime((at + 1) * periodS), kind)}
        onPointerDown={(event) => {
          event.currentTarget.setPointerCapture(event.pointerId);
          point(event);
        }}
        onPointerMove={(event) => event.buttons > 0 && point(event)}
        onKeyDown={press}
      >
        <canvas ref={canvas} height={HEIGHT_PX} />
      </div>
      <p className="timeline-scale" aria-hidden="true">
        <span>{stretch?.oldest ?? `−${words.timeline.spans[numSlots]}`}</span>
        <span>{stretch?.newest ?? words.timeline.newest}</span>
      </p>
    </section>
  );
}

function paint(
  canvas: HTMLCanvasElement,
  widthPx: number,
  slots: Slot[],
  chosen: number | null,
): void {
  const scale = window.devicePixelRatio || 1;
  canvas.width = Math.round(widthPx * scale);
  canvas.height = Math.round(HEIGHT_PX * scale);
  const context = canvas.getContext("2d");
  if (!context) return;
  context.scale(scale, scale);
  const style = getComputedStyle(canvas);
  const colour = (name: string) => style.getPropertyValue(`--bar-${name}`);
  const step = widthPx / slots.length;
  const bar = Math.max(0.8, Math.min(step - 1, step * 0.72));
  slots.forEach((slot, index) => {
    const left = index * step + (step - bar) / 2;
    const height = heightOf(slot);
    if (slot.tick === chosen) {
      context.fillStyle = colour("chosen");
      context.fillRect(index * step - 1, 0, Math.max(step + 2, 3), HEIGHT_PX);
    }
    context.fillStyle = colour(slot.kind);
    round(context, left, HEIGHT_PX - height, bar, height);
    if (slot.kind === "delegate" && bar > 3) {
      context.fillStyle = colour("hole");
      round(context, left + bar / 4, HEIGHT_PX - height + bar / 4, bar / 2, height - bar / 2);
    }
    if (slot.second?.heard.length) {
      context.fillStyle = colour("heard");
      round(context, left, 0, Math.max(bar, 2), 3);
    }
  });
}

function round(
  context: CanvasRenderingContext2D,
  left: number,
  top: number,
  width: number,
  height: number,
): void {
  context.beginPath();
  context.roundRect(left, top, width, height, Math.min(width / 2, 3));
  context.fill();
}

function heightOf(slot: Slot): number {
  const room = HEIGHT_PX - BASE_PX;
  if (slot.kind === "speak" || slot.kind === "delegate") return room;
  if (slot.kind === "failed") return room / 2;
  if (slot.kind !== "silent") return 3;
  return BASE_PX + (slot.second?.probability ?? 0) * (room - BASE_PX);
}
