// What the loop and the desk know of a run, now and whenever it changes: told by the labeler as events, asked for where
// events do not come through.

import { useCallback, useEffect, useRef, useState } from "preact/hooks";
import { call, Refused } from "../core/api";
import type { Dashboard, LoopWords } from "../core/types";

const ASK_MS = 2000;
const SILENCE_MS = 6000; // events that do not begin to come will not come
const EVENTS_AGAIN = 15; // questions until events are tried once more

export type News = LoopWords & { board: Dashboard | null };

interface State {
  words: News | null;
  trouble: string | null;
}

// Whether a run is at its end, of which the labeler of a run on one machine tells for seconds only: what it said last is kept.
export const isOver = (words: News | null): boolean =>
  words !== null && (words.state === "finished" || (words.message ?? "") !== "" && words.state !== "failed" && words.state !== "stopped");

// What is known, also where the page has gone with its run.
export function useLastNews(run: string): State & { again: () => void; gone: boolean } {
  const { words, trouble, again } = useNews(run);
  const last = useRef<News | null>(null);
  if (words !== null) last.current = words;
  const gone = words === null && isOver(last.current);
  return { words: gone ? last.current : words, trouble: gone ? null : trouble, again, gone };
}

export function useNews(run: string): State & { again: () => void } {
  const [state, setState] = useState<State>({ words: null, trouble: null });
  const [asked, setAsked] = useState(0);
  const again = useCallback(() => setAsked((count) => count + 1), []);
  useEffect(() => follow(run, setState), [run, asked]);
  return { ...state, again };
}

// Tells what it hears until the function that it returns is called.
function follow(run: string, tell: (state: State) => void): () => void {
  let timer: number | undefined;
  let events: EventSource | null = null;
  let gone = false;
  let said = "";
  const hear = (next: State): void => {
    const key = JSON.stringify(next);
    if (!gone && key !== said) tell(next); // whoever is about to tap a button must not miss it
    said = key;
  };
  const askUntil = async (left: number): Promise<void> => {
    events?.close();
    clearTimeout(timer);
    const next = await ask(run);
    if (gone) return;
    hear(next);
    timer = window.setTimeout(left > 0 || next.words === null ? () => void askUntil(left - 1) : listen, ASK_MS);
  };
  const listen = (): void => {
    events = new EventSource(`api/runs/${run}/news`);
    timer = window.setTimeout(() => void askUntil(EVENTS_AGAIN), SILENCE_MS);
    events.onerror = () => void askUntil(EVENTS_AGAIN);
    events.onmessage = ({ data }: MessageEvent<string>) => {
      clearTimeout(timer);
      const words = JSON.parse(data) as News | { trouble: string };
      hear("trouble" in words ? { words: null, trouble: words.trouble } : { words, trouble: null });
    };
  };
  listen();
  return () => {
    gone = true;
    clearTimeout(timer);
    events?.close();
  };
}

async function ask(run: string): Promise<State> {
  try {
    const loop = await call<LoopWords>(`api/runs/${run}/loop`);
    const board = await call<Dashboard>(`api/runs/${run}/dashboard`).catch(() => null); // of an older orchestrator, maybe
    return { words: { ...loop, board }, trouble: null };
  } catch (error) {
    return { words: null, trouble: error instanceof Refused ? error.message : "The labeler does not answer." };
  }
}
