// The live view: pictures, words, and every second of them.
import { useEffect, useState } from "react";
import { keepZones, zonesOf } from "../api/server";
import type { View } from "../api/events";
import type { Zone } from "../api/server";
import type { Camera } from "../live/camera";
import type { LiveState, Second } from "../live/state";
import { useWatching } from "../live/use";
import { Charts } from "../parts/charts";
import { Icon } from "../parts/icons";
import { Stage } from "../parts/stage";
import { Talk } from "../parts/talk";
import { Timeline } from "../parts/timeline";
import { Utterances } from "../parts/utterance";
import { WatchFor } from "../parts/watch_for";
import { Why } from "../parts/why";
import { useWords } from "../words/words";
import { Choices } from "./start";

const FRESH_S = 1.2;

export function Live() {
  const words = useWords();
  const [snapshot, watching] = useWatching();
  const { live, cameras, connection } = snapshot;
  const [chosen, setChosen] = useState<number | null>(null);
  const session = live.session?.id ?? "";
  const periodS = live.session?.onlooker.period_s ?? 1;
  const second = chosen === null ? null : (live.seconds.find((one) => one.tick === chosen) ?? null);
  return (
    <div className="live">
      {connection === "lost" && (
        <p className="notice notice-bad lost" role="status">
          {words.status.lostLong}
        </p>
      )}
      {live.error && (
        <p className="notice notice-bad" role="alert">
          {live.error}
          <button
            type="button"
            className="icon-button"
            aria-label={words.app.close}
            onClick={() => watching.forgiveError()}
          >
            <Icon name="close" size={16} />
          </button>
        </p>
      )}
      <div className="live-main">
        <Stages live={live} cameras={cameras} session={session} second={second} />
        <Utterances onChoose={setChosen} />
        <Timeline seconds={live.seconds} periodS={periodS} chosen={chosen} onChoose={setChosen} />
        {chosen !== null && (
          <Why
            session={session}
            tick={chosen}
            periodS={periodS}
            second={second}
            newest={live.seconds.at(-1)?.tick ?? 0}
            onChoose={setChosen}
            onLabel={(label) => watching.label(chosen, label)}
          />
        )}
        <Charts seconds={live.seconds} />
      </div>
      <aside className="live-side" aria-label={words.watchFor.title}>
        <WatchFor />
        <Talk onChoose={setChosen} />
      </aside>
    </div>
  );
}

interface StagesProps {
  live: LiveState;
  cameras: Camera[];
  session: string;
  second: Second | null;
}

function Stages({ live, cameras, session, second }: StagesProps) {
  const words = useWords();
  const [, watching] = useWatching();
  const [isAsSeen, setIsAsSeen] = useState(false);
  const [isAdding, setIsAdding] = useState(false);
  const [drawingOn, setDrawingOn] = useState<string | null>(null);
  const [zones, setZones] = useZones(session);
  const names = [...new Set([...cameras.map((camera) => camera.name), ...live.streams])];
  const shown = names.filter((name) => isShown(name, live, cameras));
  const most = live.session?.onlooker.limits.max_streams ?? 8;
  return (
    <section className="stages" aria-label={words.live.video}>
      <div className={shown.length > 1 ? "stage-grid stage-grid-many" : "stage-grid"}>
        {shown.map((name) => (
          <Stage
            key={name}
            stream={name}
            session={session}
            camera={cameras.find((camera) => camera.name === name) ?? null}
            picture={
              second?.pictures.find((one) => one.stream === name) ?? live.pictures[name] ?? null
            }
            isPast={second !== null && second.pictures.some((one) => one.stream === name)}
            view={viewOf(name, live, second)}
            isFresh={isFresh(live.views[name]?.time_s, live)}
            health={live.health[name]}
            numDropped={droppedOf(live.frames[name])}
            shownS={second?.endS ?? null}
            zones={zones.filter((zone) => zone.stream === null || zone.stream === name)}
            isAsSeen={isAsSeen}
            isDrawing={drawingOn === name}
            onZones={setZones}
            onDrawn={() => setDrawingOn(null)}
            onRemove={shown.length > 1 ? () => watching.hide(name) : null}
          />
        ))}
        {shown.length === 0 && (
          <div className="stage stage-empty">
            <p className="stage-waiting">{words.live.waitingPicture}</p>
          </div>
        )}
      </div>
      <div className="toolbar">
        <div className="segments" role="group" aria-label={words.live.show}>
          <button type="button" aria-pressed={!isAsSeen} onClick={() => setIsAsSeen(false)}>
            {words.live.asItIs}
          </button>
          <button type="button" aria-pressed={isAsSeen} onClick={() => setIsAsSeen(true)}>
            {words.live.asSeen}
          </button>
        </div>
        <button
          type="button"
          className="button small"
          aria-pressed={drawingOn !== null}
          disabled={shown.length === 0}
          onClick={() => setDrawingOn(drawingOn ? null : (shown[0] ?? null))}
        >
          <Icon name="zone" size={16} />
          {words.live.zones}
        </button>
        {zones.map((zone) => (
          <button
            key={zone.name}
            type="button"
            className="button small"
            aria-label={words.live.zoneRemove(zone.name)}
            onClick={() => setZones(zones.filter((one) => one !== zone))}
          >
            {zone.name}
            <Icon name="close" size={14} />
          </button>
        ))}
        <span className="spring" />
        <button
          type="button"
          className="button small"
          aria-expanded={isAdding}
          disabled={shown.length >= most}
          onClick={() => setIsAdding(!isAdding)}
        >
          <Icon name="plus" size={16} />
          {words.live.addCamera}
        </button>
      </div>
      {isAdding && <Choices onDone={() => setIsAdding(false)} />}
    </section>
  );
}

// A session knows the stream "camera" before anything comes of it.
function isShown(name: string, live: LiveState, cameras: Camera[]): boolean {
  const isOurs = cameras.some((camera) => camera.name === name);
  return isOurs || name !== "camera" || Boolean(live.pictures[name] ?? live.health[name]);
}

function viewOf(name: string, live: LiveState, second: Second | null): View | null {
  const views = second ? second.views : Object.values(live.views);
  return views.find((one) => one.stream === name) ?? null;
}

// What was seen too long ago is not drawn over a video that has moved on.
function isFresh(timeS: number | undefined, live: LiveState): boolean {
  const nowS = live.nowS + (performance.now() - live.anchorMs) / 1000;
  return timeS !== undefined && nowS - timeS < FRESH_S;
}

// A few pictures too many are nothing to tell; a fifth of them says that the server cannot keep up.
function droppedOf(frames: LiveState["frames"][string] | undefined): number {
  if (!frames || frames.numDropped < 10) return 0;
  return frames.numDropped > frames.numReceived / 5 ? frames.numDropped : 0;
}

function useZones(session: string): [Zone[], (zones: Zone[]) => void] {
  const [zones, setZones] = useState<Zone[]>([]);
  useEffect(() => {
    if (!session) return;
    zonesOf(session).then(setZones, () => undefined);
  }, [session]);
  return [
    zones,
    (changed) => {
      setZones(changed);
      keepZones(session, changed).catch(() => setZones(zones));
    },
  ];
}
