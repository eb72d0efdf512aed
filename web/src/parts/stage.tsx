// One stream: its picture, what was seen in it, and its zones.
import { useEffect, useRef, useState } from "react";
import type { CSSProperties } from "react";
import type { Picture, View } from "../api/events";
import { pictureUrl } from "../api/server";
import type { Zone } from "../api/server";
import type { Camera } from "../live/camera";
import type { Health } from "../live/state";
import { clockTime, useWords } from "../words/words";
import { Icon } from "./icons";
import { Overlay } from "./overlay";
import { ZonePen } from "./zones";

interface Props {
  stream: string;
  session: string;
  camera: Camera | null;
  picture: Picture | null; // the newest, or that of the chosen second
  isPast: boolean;
  shownS: number | null; // session time of the chosen second
  view: View | null;
  health: Health | undefined;
  numDropped: number;
  zones: Zone[];
  isAsSeen: boolean; // shows the picture that was looked at, and not the video
  isFresh: boolean;
  isDrawing: boolean;
  onZones: (zones: Zone[]) => void;
  onDrawn: () => void;
  onRemove: (() => void) | null;
}

export function Stage(props: Props) {
  const { stream, camera, picture, isPast, view, health, numDropped } = props;
  const words = useWords();
  const [ratio, setRatio] = useState(16 / 9);
  const isLocal = camera !== null && !isPast && !props.isAsSeen;
  const shownView = isLocal && !props.isFresh ? null : view;
  const state = health?.state ?? "connected";
  const isWell = state === "connected" || state === "recovered";
  return (
    <figure className="stage" aria-label={`${words.live.video}: ${stream}`}>
      <div className="stage-picture" style={{ "--ratio": ratio } as CSSProperties}>
        {isLocal ? (
          <LocalVideo camera={camera} onRatio={setRatio} />
        ) : (
          <ServerPicture session={props.session} picture={picture} onRatio={setRatio} />
        )}
        <Overlay view={shownView} zones={props.zones} />
        {props.isDrawing && (
          <ZonePen
            stream={stream}
            zones={props.zones}
            onZones={props.onZones}
            onDrawn={props.onDrawn}
          />
        )}
      </div>
      <figcaption className="stage-caption">
        <span className={isWell ? "dot" : "dot dot-bad"} />
        <span className="stage-name">{stream}</span>
        {isPast && props.shownS !== null && <time className="stage-past">{clockTime(props.shownS)}</time>}
        {!isWell && (
          <span className="stage-trouble" title={health?.detail}>
            {words.live.health[state] ?? state}
          </span>
        )}
        {numDropped > 0 && <span className="stage-drops">{words.live.drops(numDropped)}</span>}
        {props.onRemove && (
          <button
            type="button"
            className="stage-remove"
            aria-label={words.live.removeCamera(stream)}
            onClick={props.onRemove}
          >
            <Icon name="close" size={16} />
          </button>
        )}
      </figcaption>
    </figure>
  );
}

function LocalVideo({ camera, onRatio }: { camera: Camera; onRatio: (ratio: number) => void }) {
  const place = useRef<HTMLDivElement>(null);
  useEffect(() => {
    const { video } = camera;
    const measure = () => {
      if (video.videoWidth) onRatio(video.videoWidth / video.videoHeight);
    };
    place.current?.append(video);
    // A video that was moved in the page stops.
    void video.play().catch(() => undefined);
    video.addEventListener("resize", measure);
    measure();
    return () => video.removeEventListener("resize", measure);
  }, [camera, onRatio]);
  return <div className="stage-video" ref={place} />;
}

interface ServerPictureProps {
  session: string;
  picture: Picture | null;
  onRatio: (ratio: number) => void;
}

function ServerPicture({ session, picture, onRatio }: ServerPictureProps) {
  const words = useWords();
  const [url, setUrl] = useState("");
  const id = picture?.id;
  useEffect(() => {
    if (!id || !session) return;
    let isWanted = true;
    pictureUrl(session, id).then(
      (made) => isWanted && setUrl(made),
      () => undefined, // a picture that is gone leaves the one before
    );
    return () => {
      isWanted = false;
    };
  }, [id, session]);
  if (!url) return <p className="stage-waiting">{words.live.waitingPicture}</p>;
  return (
    <img
      className="stage-image"
      src={url}
      alt=""
      onLoad={(event) => {
        const { naturalWidth, naturalHeight } = event.currentTarget;
        if (naturalHeight) onRatio(naturalWidth / naturalHeight);
      }}
    />
  );
}
