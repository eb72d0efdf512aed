// Drawing a zone: corner by corner, with the mouse, a finger or the keyboard.
import { useEffect, useRef, useState } from "react";
import type { KeyboardEvent, PointerEvent } from "react";
import type { Zone } from "../api/server";
import { useWords } from "../words/words";

interface Props {
  stream: string;
  zones: Zone[];
  onZones: (zones: Zone[]) => void;
  onDrawn: () => void;
}

type Point = [number, number];

const STEP = 0.02;
const ARROWS: Record<string, Point> = {
  ArrowLeft: [-STEP, 0],
  ArrowRight: [STEP, 0],
  ArrowUp: [0, -STEP],
  ArrowDown: [0, STEP],
};

export function ZonePen({ stream, zones, onZones, onDrawn }: Props) {
  const words = useWords();
  const [points, setPoints] = useState<Point[]>([]);
  const [pen, setPen] = useState<Point>([0.5, 0.5]);
  const [isClosed, setIsClosed] = useState(false);
  const [name, setName] = useState(() => words.live.zoneDefault(zones.length + 1));
  const board = useRef<HTMLDivElement>(null);
  useEffect(() => {
    board.current?.scrollIntoView({ block: "center" });
    board.current?.focus({ preventScroll: true });
  }, []);

  function close(): void {
    if (points.length > 2) setIsClosed(true);
  }

  function press(event: KeyboardEvent): void {
    const step = ARROWS[event.key];
    if (step) setPen(([x, y]) => [inside(x + step[0]), inside(y + step[1])]);
    else if (event.key === " ") setPoints((known) => [...known, pen]);
    else if (event.key === "Enter") close();
    else if (event.key === "Backspace") setPoints((known) => known.slice(0, -1));
    else if (event.key === "Escape") onDrawn();
    else return;
    event.preventDefault();
  }

  function keep(): void {
    const zone = { name: name.trim(), stream, points };
    onZones([...zones.filter((one) => one.name !== zone.name), zone]);
    onDrawn();
  }

  const shown = [...points, ...(isClosed ? [] : [pen])];
  return (
    <>
      <div
        ref={board}
        className="pen"
        role="application"
        tabIndex={0}
        aria-label={words.live.zoneHelp}
        onPointerDown={(event) => !isClosed && setPoints([...points, place(event)])}
        onPointerMove={(event) => setPen(place(event))}
        onDoubleClick={close}
        onKeyDown={press}
      >
        <svg viewBox="0 0 100 100" preserveAspectRatio="none" aria-hidden="true">
          <polygon
            className="overlay-zone overlay-zone-new"
            points={shown.map(([x, y]) => `${x * 100},${y * 100}`).join(" ")}
          />
        </svg>
        {shown.map(([x, y], index) => (
          <i key={index} style={{ left: `${x * 100}%`, top: `${y * 100}%` }} />
        ))}
      </div>
      <div className="pen-bar">
        {isClosed ? (
          <form
            onSubmit={(event) => {
              event.preventDefault();
              keep();
            }}
          >
            <label>
              <span className="hidden">{words.live.zoneName}</span>
              <input value={name} onChange={(event) => setName(event.target.value)} required />
            </label>
            <button type="submit" className="button primary small">
              {words.live.zoneKeep}
            </button>
          </form>
        ) : (
          <p>{words.live.zoneHelp}</p>
        )}
        <button type="button" className="button small" onClick={onDrawn}>
          {words.start.cancel}
        </button>
      </div>
    </>
  );
}

function place(event: PointerEvent): Point {
  const { left, top, width, height } = event.currentTarget.getBoundingClientRect();
  return [inside((event.clientX - left) / width), inside((event.clientY - top) / height)];
}

function inside(part: number): number {
  return Math.min(1, Math.max(0, part));
}
