// The microphone: held while one speaks, or left open by a short press; and how loud it hears.
import { useEffect, useRef, useState } from "react";
import type { RefObject } from "react";
import { Microphone } from "../live/microphone";
import { useWatching } from "../live/use";
import { useWords } from "../words/words";
import { Icon } from "./icons";

const SHORT_MS = 350; // a press that is no holding
const TELL_EVERY_MS = 250; // of the meter's value; its picture moves with every run of sound

type State = "off" | "held" | "open" | "failed";

interface UsedMicrophone {
  state: State;
  meter: RefObject<HTMLSpanElement | null>;
  press: () => void;
  release: () => void;
  leave: () => void;
  toggle: () => void;
}

export function useMicrophone(): UsedMicrophone {
  const [, watching] = useWatching();
  const [state, setState] = useState<State>("off");
  const meter = useRef<HTMLSpanElement>(null);
  const opened = useRef<Microphone | null>(null);
  const pressed = useRef<{ atMs: number; toClose: boolean } | null>(null);
  useEffect(() => () => opened.current?.close(), []);

  async function open(how: "held" | "open"): Promise<void> {
    const send = watching.sendNow.bind(watching);
    const carry = (track: MediaStreamTrack | null) => watching.carryMicrophone(track);
    const mine = new Microphone(send, (level) => show(meter.current, level), carry);
    opened.current = mine;
    setState(how);
    try {
      await mine.open();
      if (opened.current !== mine) mine.close(); // let go while the browser still asked
    } catch {
      mine.close();
      if (opened.current !== mine) return; // closed while it opened
      opened.current = null;
      setState("failed");
    }
  }

  function close(): void {
    opened.current?.close();
    opened.current = null;
    setState("off");
  }

  return {
    state,
    meter,
    press() {
      pressed.current = { atMs: performance.now(), toClose: opened.current !== null };
      if (!opened.current) void open("held");
    },
    release() {
      const press = pressed.current;
      pressed.current = null;
      if (!press || !opened.current) return;
      if (press.toClose || performance.now() - press.atMs > SHORT_MS) close();
      else setState("open");
    },
    leave() {
      pressed.current = null;
      if (state === "held") close();
    },
    toggle() {
      if (opened.current) close();
      else void open("open");
    },
  };
}

interface ButtonProps {
  microphone: UsedMicrophone;
  isReady: boolean;
  hint: string;
}

export function MicrophoneButton({ microphone, isReady, hint }: ButtonProps) {
  const words = useWords();
  const isOn = microphone.state === "held" || microphone.state === "open";
  const isByHand = useRef(false); // by pointer or key; what is left are a screen reader's clicks
  return (
    <button
      type="button"
      className="icon-button hold"
      aria-label={words.talk.hold}
      aria-pressed={isOn}
      title={hint}
      disabled={!isReady && !isOn}
      onPointerDown={(event) => {
        isByHand.current = true;
        event.currentTarget.setPointerCapture(event.pointerId);
        microphone.press();
      }}
      onPointerUp={microphone.release}
      onPointerCancel={microphone.release}
      onKeyDown={(event) => {
        if (![" ", "Enter"].includes(event.key)) return;
        isByHand.current = true;
        if (!event.repeat) microphone.press();
      }}
      onKeyUp={(event) => [" ", "Enter"].includes(event.key) && microphone.release()}
      onClick={() => {
        if (!isByHand.current) microphone.toggle();
        isByHand.current = false;
      }}
      onBlur={microphone.leave}
    >
      <Icon name="mic" />
    </button>
  );
}

// Says that it listens, once; the meter beside it is there for whoever looks or asks.
export function Listening({ microphone }: { microphone: UsedMicrophone }) {
  const words = useWords();
  const { state, meter } = microphone;
  const isOn = state === "held" || state === "open";
  return (
    <div className={isOn ? "listening" : "listening listening-off"}>
      <span role="status">
        {state === "held" && words.talk.listening}
        {state === "open" && words.talk.listeningOpen}
        {state === "failed" && words.talk.noMicrophone}
      </span>
      {isOn && (
        <span
          ref={meter}
          className="level"
          role="meter"
          aria-label={words.talk.level}
          aria-valuemin={0}
          aria-valuemax={100}
          aria-valuenow={0}
        >
          <i />
        </span>
      )}
    </div>
  );
}

// Past React: 25 times a second.
function show(meter: HTMLSpanElement | null, level: number): void {
  if (!meter) return;
  meter.style.setProperty("--level", level.toFixed(3));
  const now = performance.now();
  if (now - Number(meter.dataset.toldMs ?? 0) < TELL_EVERY_MS) return;
  meter.dataset.toldMs = String(now);
  meter.setAttribute("aria-valuenow", String(Math.round(level * 100)));
}
