// Boxes, text and zones over a picture, in fractions of its width and height.
import type { Box, View } from "../api/events";
import type { Zone } from "../api/server";

export function Overlay({ view, zones }: { view: View | null; zones: Zone[] }) {
  return (
    <div className="overlay" aria-hidden="true">
      <svg viewBox="0 0 100 100" preserveAspectRatio="none">
        {zones.map((zone) => (
          <polygon
            key={zone.name}
            className="overlay-zone"
            points={zone.points.map(([x, y]) => `${x * 100},${y * 100}`).join(" ")}
          />
        ))}
      </svg>
      {zones.map((zone) => (
        <span key={zone.name} className="overlay-zone-name" style={at(zone.points[0])}>
          {zone.name}
        </span>
      ))}
      {view?.objects.map((thing) => (
        <span key={`o${thing.track_id}`} className="overlay-box" style={over(thing.box)}>
          <b>
            {thing.label} {thing.track_id}
          </b>
        </span>
      ))}
      {view?.texts.map((line, index) => (
        <span key={`t${index}`} className="overlay-text" style={over(line.box)}>
          <b>{line.text}</b>
        </span>
      ))}
    </div>
  );
}

function over(box: Box) {
  return {
    left: percent(box.left),
    top: percent(box.top),
    width: percent(box.right - box.left),
    height: percent(box.bottom - box.top),
  };
}

function at(point: readonly [number, number] | undefined) {
  return { left: percent(point?.[0] ?? 0), top: percent(point?.[1] ?? 0) };
}

function percent(part: number): string {
  return `${(part * 100).toFixed(2)}%`;
}
