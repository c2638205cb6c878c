// Search, and the seed set: a picture, a phrase or an image, its neighbours in a grid, tap the wrong ones, Start.

import type { JSX } from "preact";
import { useCallback, useEffect, useRef, useState } from "preact/hooks";
import { call, Refused } from "../core/api";
import { toast } from "../core/notices";
import type { Question, TileData } from "../core/types";
import { counted, SILENT } from "../core/words";
import { Commits } from "../views/commit";
import { small } from "../views/picture";
import { Tiles } from "../views/tiles";
import { View } from "./view";

const MANY = 48;

export function Seed({ run, item }: { run: string; item: number | undefined }): JSX.Element {
  const [words, setWords] = useState("Choose or paste a picture, or type what you look for.");
  const [ready, setReady] = useState(false);
  const [pages, setPages] = useState(0); // that can be taken back
  const place = useRef<HTMLDivElement>(null);
  const tiles = useRef<Tiles | null>(null);
  const commits = useRef<Commits | null>(null);
  const act = useRef<() => void>(() => {});

  const look = useCallback(async (query: object): Promise<void> => {
    setWords("Looking …");
    setReady(false);
    try {
      const found = await call<{ tiles: TileData[] }>(`api/runs/${run}/search`, { ...query, k: MANY });
      tiles.current?.show(found.tiles);
      setReady(found.tiles.length > 0);
      setWords("The nearest come first. Untouched means yes: tap those that are wrong. Only images that you have scrolled past count. M: more like this one.");
    } catch (error) {
      setWords(error instanceof Refused ? error.message : SILENT);
    }
  }, [run]);

  const upload = useCallback(async (file: File): Promise<void> => {
    const picture = await small(file);
    if (picture === null) toast(`This browser cannot show ${file.name}; save it as JPEG or PNG, or start with --reference`);
    else await look({ picture });
  }, [look]);

  useEffect(() => {
    const made = new Tiles({ untouched: "positive", enter: () => act.current(), more: (more) => void look({ item: more }) });
    tiles.current = made;
    place.current?.replaceChildren(made.element);
    const keeper = new Commits(run);
    commits.current = keeper;
    if (item !== undefined) void look({ item });
    return () => { tiles.current = null; made.close(); keeper.close(); };
  }, [run, item, look]);

  useEffect(() => {
    const paste = (event: ClipboardEvent): void => {
      const file = [...event.clipboardData?.files ?? []].find(({ type }) => type.startsWith("image/"));
      if (file !== undefined) void upload(file);
    };
    document.addEventListener("paste", paste);
    return () => document.removeEventListener("paste", paste);
  }, [upload]);

  const commit = async (): Promise<void> => {
    const answers = tiles.current?.answers() ?? [];
    if (!ready || answers.length === 0) return;
    setReady(false);
    await commits.current?.put(answers);
    setPages((count) => count + 1);
    tiles.current?.show([]);
    setWords(`${counted(answers.length, "image has a label", "images have their label")}. Search again for more, or go on labeling.`);
    await start(run);
  };
  act.current = () => void commit();
  const undo = async (): Promise<void> => {
    setPages((count) => Math.max(0, count - 1));
    await commits.current?.undo();
  };
  const bar = (
    <>
      <button type="button" class="other" disabled={pages === 0} onClick={() => void undo()}>Take the last page back</button>
      <button type="button" class="main" disabled={!ready} onClick={() => void commit()}>Start with these</button>
    </>
  );
  return (
    <View run={run} page="seed" title="What does it look like?" tools={<Ways look={(query) => void look(query)} upload={(file) => void upload(file)} />} bar={bar}>
      <p class="words" role="status">{words}</p>
      <div ref={place} />
    </View>
  );
}

function Ways({ look, upload }: { look: (query: object) => void; upload: (file: File) => void }): JSX.Element {
  const phrase = useRef<HTMLInputElement>(null);
  const choose = (event: Event): void => {
    const file = (event.currentTarget as HTMLInputElement).files?.[0];
    if (file !== undefined) upload(file);
  };
  const submit = (event: Event): void => {
    event.preventDefault();
    const text = phrase.current?.value.trim() ?? "";
    if (text !== "") look({ phrase: text });
  };
  return (
    <>
      <label class="other file">Choose a picture<input type="file" accept="image/*" onChange={choose} /></label>
      <form role="search" onSubmit={submit}>
        <input ref={phrase} type="search" maxLength={300} aria-label="What you look for, in words" placeholder="In words" />
        <button class="other">Search</button>
      </form>
    </>
  );
}

// The loop's question of the seed set is answered: these are enough.
async function start(run: string): Promise<void> {
  try {
    const { question } = await call<{ question: Question | null }>(`api/runs/${run}/loop`);
    if (question === null || !/^seed-\d+\/count$/.test(question.id)) return;
    const { accepted } = await call<{ accepted: boolean }>(`api/runs/${run}/loop`, { question: question.id, answer: "0" });
    if (accepted) toast("The loop starts with these images");
  } catch { /* it asks again on the progress page */ }
}
