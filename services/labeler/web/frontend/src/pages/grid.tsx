// A page of images that the model believes alike: tap the odd ones out, Enter commits what was on screen.

import type { JSX } from "preact";
import { useCallback, useEffect, useRef, useState } from "preact/hooks";
import { items } from "../core/arrays";
import { call, Refused } from "../core/api";
import type { TileData } from "../core/types";
import { SILENT } from "../core/words";
import { Commits } from "../views/commit";
import { Tiles } from "../views/tiles";
import { View } from "./view";

const MANY = 24;
type Kind = "lowest" | "highest";

const KINDS: Record<Kind, { untouched: "positive" | "negative"; title: string; word: string }> = {
  lowest: { untouched: "negative", title: "The model says no: untouched means no", word: "Likely no" },
  highest: { untouched: "positive", title: "The model says yes: untouched means yes", word: "Likely yes" },
};

export function Grid({ run }: { run: string }): JSX.Element {
  const [kind, setKind] = useState<Kind>("lowest");
  const [words, setWords] = useState("Loading …");
  const [ready, setReady] = useState(false);
  const [pages, setPages] = useState(0); // that can be taken back
  const place = useRef<HTMLDivElement>(null);
  const tiles = useRef<Tiles | null>(null);
  const commits = useRef<Commits | null>(null);
  const act = useRef<() => void>(() => {});

  useEffect(() => {
    const made = new Commits(run);
    commits.current = made;
    return () => made.close();
  }, [run]);

  const next = useCallback(async (): Promise<void> => {
    setReady(false);
    const shown = tiles.current;
    try {
      await commits.current?.marker.sending;
      const found = await items(run, { label: "none", sort: kind });
      const page = Array.from(found.subarray(0, MANY));
      const answer = await call<{ tiles: TileData[] }>(`api/runs/${run}/tiles`, { items: page });
      if (shown !== tiles.current) return; // the other kind was chosen meanwhile
      shown?.show(answer.tiles);
      setReady(answer.tiles.length > 0);
      setWords(answer.tiles.length > 0
        ? "Tap the odd ones out; Enter commits what you have seen. Shift and click, or press long and draw, for many."
        : "Every image has a label.");
    } catch (error) {
      if (shown === tiles.current) setWords(error instanceof Refused ? error.message : SILENT);
    }
  }, [run, kind]);

  useEffect(() => {
    const more = (item: number): void => { location.hash = `#/run/${run}/seed/${item}`; };
    const made = new Tiles({ untouched: KINDS[kind].untouched, enter: () => act.current(), more });
    tiles.current = made;
    place.current?.replaceChildren(made.element);
    void next();
    return () => { tiles.current = null; made.close(); };
  }, [run, kind, next]);

  const commit = async (): Promise<void> => {
    const answers = tiles.current?.answers() ?? [];
    if (!ready || answers.length === 0 || commits.current === null) return;
    setReady(false);
    await commits.current.put(answers);
    setPages((count) => count + 1);
    await next();
  };
  act.current = () => void commit();
  const undo = async (): Promise<void> => {
    setPages((count) => Math.max(0, count - 1));
    await commits.current?.undo();
    await next();
  };

  const tools = (Object.keys(KINDS) as Kind[]).map((name) => (
    <button key={name} type="button" class="other" aria-pressed={name === kind} onClick={() => setKind(name)}>{KINDS[name].word}</button>
  ));
  const bar = (
    <>
      <button type="button" class="other" disabled={pages === 0} onClick={() => void undo()}>Take the last page back</button>
      <button type="button" class="main" disabled={!ready} onClick={() => void commit()}>Commit this page</button>
    </>
  );
  return (
    <View run={run} page="grid" title={KINDS[kind].title} tools={tools} bar={bar}>
      <p class="words" role="status">{words}</p>
      <div ref={place} />
    </View>
  );
}
