// What the loop and the desk know of a run, now and whenever it changes: told by the labeler as events, asked for where
// events do not come through.

import { useCallback, useEffect, useState } from "preact/hooks";
import { call, Refused } from "../core/api";
import type { Dashboard, LoopWords } from "../core/types";

const AGAIN_MS = 2000;

export type News = LoopWords & { board: Dashboard | null };

interface State {
  words: News | null;
  trouble: string | null;
}

export function useNews(run: string): State & { again: () => void } {
  const [state, setState] = useState<State>({ words: null, trouble: null });
  const [asked, setAsked] = useState(0);
  const again = useCallback(() => setAsked((count) => count + 1), []);
  useEffect(() => {
    let timer: number | undefined;
    let gone = false;
    let drawn = "";
    const look = async (): Promise<void> => {
      const next = await ask(run);
      if (gone) return;
      const key = JSON.stringify(next);
      if (key !== drawn) setState(next); // whoever is about to tap a button must not miss it
      drawn = key;
      timer = window.setTimeout(look, AGAIN_MS);
    };
    void look();
    return () => { gone = true; clearTimeout(timer); };
  }, [run, asked]);
  return { ...state, again };
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
