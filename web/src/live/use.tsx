import { createContext, useContext, useSyncExternalStore } from "react";
import { Watching } from "./watching";
import type { Snapshot } from "./watching";

export const WatchingContext = createContext<Watching>(new Watching());

export function useWatching(): [Snapshot, Watching] {
  const watching = useContext(WatchingContext);
  return [useSyncExternalStore(watching.subscribe, watching.read), watching];
}
