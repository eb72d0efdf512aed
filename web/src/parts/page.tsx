// What every page beside the live one is made of.
import { useCallback, useEffect, useRef, useState } from "react";
import type { ReactNode } from "react";
import { useWords } from "../words/words";

export function Page({ title, lead, children }: { title: string; lead: string; children: ReactNode }) {
  return (
    <div className="page">
      <header className="page-head">
        <h1>{title}</h1>
        <p>{lead}</p>
      </header>
      {children}
    </div>
  );
}

export interface Asked<T> {
  value: T | null;
  trouble: string;
  again: () => void;
}

// Asks the server when the page opens, and again when told to.
export function useAsked<T>(ask: () => Promise<T>): Asked<T> {
  const [value, setValue] = useState<T | null>(null);
  const [trouble, setTrouble] = useState("");
  const [asks, setAsks] = useState(0);
  useEffect(() => {
    let isWanted = true;
    ask().then(
      (told) => {
        if (!isWanted) return;
        setValue(told);
        setTrouble("");
      },
      (error: Error) => isWanted && setTrouble(error.message),
    );
    return () => {
      isWanted = false;
    };
  }, [ask, asks]);
  return { value, trouble, again: useCallback(() => setAsks((count) => count + 1), []) };
}

export function Waiting({ asked }: { asked: Asked<unknown> }) {
  const words = useWords();
  if (asked.trouble) {
    return (
      <p className="notice notice-bad" role="alert">
        {words.app.failed(asked.trouble)}
        <button type="button" className="button small" onClick={asked.again}>
          {words.app.retry}
        </button>
      </p>
    );
  }
  return asked.value === null ? <p className="quiet">{words.app.loading}</p> : null;
}

// A picture that needs the token to be fetched. The one before stays until the next is there.
export function Fetched({ fetchUrl, alt }: { fetchUrl: () => Promise<string>; alt: string }) {
  const [url, setUrl] = useState("");
  const order = useRef({ asked: 0, shown: 0 });
  useEffect(() => {
    const mine = (order.current.asked += 1);
    fetchUrl().then(
      (told) => {
        if (mine < order.current.shown) return URL.revokeObjectURL(told);
        order.current.shown = mine;
        setUrl(told);
      },
      () => undefined, // a picture that is gone leaves the one before
    );
  }, [fetchUrl]);
  useEffect(() => () => URL.revokeObjectURL(url), [url]);
  return url ? <img src={url} alt={alt} /> : null;
}
