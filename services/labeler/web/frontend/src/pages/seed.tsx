// Search, and the seed set: a picture, a phrase or an image, its neighbours in a grid, tap the wrong ones, Start.

import type { JSX } from "preact";
import { useCallback, useEffect, useRef, useState } from "preact/hooks";
import { call } from "../core/api";
import { toast } from "../core/notices";
import type { LoopWords, Question, TileData } from "../core/types";
import { counted } from "../core/words";
import { small } from "../views/picture";
import { useOdd } from "./odd";
import { View } from "./view";

const MANY = 48;
const HOW = "The nearest come first. Untouched means yes: tap those that are wrong. Only images that you have scrolled past count. M: more like this one.";

export function Seed({ run, item }: { run: string; item: number | undefined }): JSX.Element {
  const { body, bar, fill, clear } = useOdd(run, {
    kind: "seed", untouched: "positive", word: "Start with these", begin: "Begin with something that shows what you look for; a picture may be pasted, too.",
    more: (other) => void look({ item: other }),
    committed: async (count) => {
      clear(`${counted(count, "image has a label", "images have their label")}. Search again for more, or go on labeling.`);
      await start(run);
    },
    undone: async () => {},
  });
  const look = useCallback(async (query: object): Promise<void> => {
    const find = async (): Promise<TileData[]> => (await call<{ tiles: TileData[] }>(`api/runs/${run}/search`, { ...query, k: MANY })).tiles;
    await fill(find, (count) => (count > 0 ? HOW : "Nothing was found."), "Looking …");
  }, [run, fill]);
  const upload = useCallback(async (file: File): Promise<void> => {
    const picture = await small(file);
    if (picture === null) toast(`This browser cannot show ${file.name}; save it as JPEG or PNG, or start with --reference`);
    else await look({ picture });
  }, [look]);

  useEffect(() => { if (item !== undefined) void look({ item }); }, [item, look]);
  useEffect(() => {
    const paste = (event: ClipboardEvent): void => {
      const file = [...event.clipboardData?.files ?? []].find(({ type }) => type.startsWith("image/"));
      if (file !== undefined) void upload(file);
    };
    document.addEventListener("paste", paste);
    return () => document.removeEventListener("paste", paste);
  }, [upload]);

  return (
    <View run={run} page="seed" title="What does it look like?" tools={<Ways run={run} look={(query) => void look(query)} upload={(file) => void upload(file)} />} bar={bar}>
      {body}
    </View>
  );
}

// Why this run's searches take no phrase; "" where they do or nobody can say.
function useNoPhrases(run: string): string {
  const [why, setWhy] = useState("");
  useEffect(() => {
    void call<LoopWords>(`api/runs/${run}/loop`).then(({ no_phrases }) => setWhy(no_phrases ?? ""), () => setWhy(""));
  }, [run]);
  return why;
}

function Ways({ run, look, upload }: { run: string; look: (query: object) => void; upload: (file: File) => void }): JSX.Element {
  const noPhrases = useNoPhrases(run);
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
      {noPhrases !== "" ? <p class="why">{noPhrases}</p> : (
        <form role="search" onSubmit={submit}>
          <input ref={phrase} type="search" maxLength={300} aria-label="What you look for, in words" placeholder="In words" />
          <button class="other">Search</button>
        </form>
      )}
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
