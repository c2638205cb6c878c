// What the grid and the seed set share: a page of tiles of which the odd ones are tapped, committed whole, taken back whole.

import type { JSX, RefObject } from "preact";
import { useCallback, useEffect, useRef, useState } from "preact/hooks";
import { Refused } from "../core/api";
import { toast } from "../core/notices";
import type { TileData } from "../core/types";
import { SILENT } from "../core/words";
import { Large } from "../views/large";
import { Commits } from "../views/commit";
import { Tiles } from "../views/tiles";

interface Acts {
  kind: string; // whose pages are taken back among themselves
  untouched: "positive" | "negative"; // what an image means that nobody taps
  word: string; // of the button that commits
  begin: string; // what is said before there are tiles
  more: (item: number) => void; // others like this one are wanted
  committed: (count: number) => Promise<void>;
  undone: () => Promise<void>;
}

interface Page {
  body: JSX.Element;
  bar: JSX.Element;
  // Shows what `find` finds, and says so; whoever was still looking is too late.
  fill: (find: () => Promise<TileData[]>, say: (count: number) => string, meanwhile?: string) => Promise<void>;
  clear: (words: string) => void;
}

export function useOdd(run: string, acts: Acts): Page {
  const [words, setWords] = useState(acts.begin);
  const [ready, setReady] = useState(false);
  const [pages, setPages] = useState(0); // that can be taken back
  const place = useRef<HTMLDivElement>(null);
  const tiles = useRef<Tiles | null>(null);
  const commits = useRef<Commits | null>(null);
  const large = useRef<Large | null>(null);
  const turn = useRef(0);
  const now = useRef({ acts, commit: () => {}, look: (_place?: number) => {} });
  const { untouched, kind } = acts;

  useEffect(() => {
    const keeper = new Commits(run, kind);
    commits.current = keeper;
    setPages(keeper.many);
    return () => keeper.close();
  }, [run, kind]);
  useEffect(() => {
    const made = new Tiles({ untouched, enter: () => now.current.commit(), look: (at) => now.current.look(at), more: (item) => now.current.acts.more(item) });
    tiles.current = made;
    place.current?.replaceChildren(made.element);
    return () => { turn.current += 1; made.close(); large.current?.close(); };
  }, [run, untouched]);

  const fill = useCallback(async (find: () => Promise<TileData[]>, say: (count: number) => string, meanwhile?: string): Promise<void> => {
    turn.current += 1;
    const mine = turn.current;
    setReady(false);
    if (meanwhile !== undefined) setWords(meanwhile);
    try {
      await commits.current?.marker.sending;
      const found = await find();
      if (mine !== turn.current) return;
      tiles.current?.show(found);
      setReady(found.length > 0);
      setWords(say(found.length));
    } catch (error) {
      if (mine === turn.current) setWords(error instanceof Refused ? error.message : SILENT);
    }
  }, []);
  const clear = useCallback((said: string): void => {
    turn.current += 1;
    tiles.current?.show([]);
    setReady(false);
    setWords(said);
  }, []);
  const commit = async (): Promise<void> => {
    const answers = tiles.current?.answers() ?? [];
    if (!ready || commits.current === null) return;
    if (answers.length === 0) {
      toast("Only images that you have seen count, and none of these is there yet");
      return;
    }
    setReady(false);
    await commits.current.put(answers);
    setPages(commits.current.many);
    await acts.committed(answers.length);
  };
  const look = (at = tiles.current?.at ?? 0): void => {
    const shown = tiles.current;
    if (shown === null || !ready) return;
    const book = shown.book((item) => now.current.acts.more(item));
    if (book.many > 0) large.current = new Large(run, book, at);
  };
  now.current = { acts, commit: () => void commit(), look };
  const undo = async (): Promise<void> => {
    const taken = commits.current?.undo();
    setPages(commits.current?.many ?? 0);
    await taken;
    await acts.undone();
  };
  return { body: <Body words={words} place={place} />, bar: <Bar word={acts.word} ready={ready} pages={pages} commit={() => void commit()} undo={() => void undo()} look={() => look()} />, fill, clear };
}

function Body({ words, place }: { words: string; place: RefObject<HTMLDivElement | null> }): JSX.Element {
  return (
    <>
      <p class="words" role="status">{words}</p>
      <div ref={place} />
    </>
  );
}

function Bar({ word, ready, pages, commit, undo, look }: { word: string; ready: boolean; pages: number; commit: () => void; undo: () => void; look: () => void }): JSX.Element {
  return (
    <>
      <button type="button" class="other" disabled={pages === 0} onClick={undo}>Take the last page back</button>
      <button type="button" class="other" disabled={!ready} aria-keyshortcuts="O" onClick={look}>Look closely<span class="key"> (O)</span></button>
      <button type="button" class="main" disabled={!ready} onClick={commit}>{word}</button>
    </>
  );
}
