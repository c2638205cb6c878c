// A page of images that the model believes alike: tap the odd ones out, Enter commits what was on screen.

import type { JSX } from "preact";
import { useCallback, useEffect, useState } from "preact/hooks";
import { call } from "../core/api";
import { items } from "../core/arrays";
import type { TileData } from "../core/types";
import { useOdd } from "./odd";
import { View } from "./view";

const MANY = 24;
const HOW = "Tap the odd ones out; Enter commits what you have seen. Shift and click, or press long and draw, for many.";
type Kind = "lowest" | "highest";

const KINDS: Record<Kind, { untouched: "positive" | "negative"; title: string; word: string }> = {
  lowest: { untouched: "negative", title: "The model says no: untouched means no", word: "Likely no" },
  highest: { untouched: "positive", title: "The model says yes: untouched means yes", word: "Likely yes" },
};

export function Grid({ run }: { run: string }): JSX.Element {
  const [kind, setKind] = useState<Kind>("lowest");
  const { body, bar, fill } = useOdd(run, {
    kind: "grid", untouched: KINDS[kind].untouched, word: "Commit this page", begin: "Loading …",
    more: (item) => { location.hash = `#/run/${run}/seed/${item}`; },
    committed: () => next(), undone: () => next(),
  });
  const next = useCallback((): Promise<void> => fill(async () => {
    const found = await items(run, { label: "none", sort: kind });
    const { tiles } = await call<{ tiles: TileData[] }>(`api/runs/${run}/tiles`, { items: Array.from(found.subarray(0, MANY)) });
    return tiles;
  }, (count) => (count > 0 ? HOW : "Every image has a label.")), [run, kind, fill]);
  useEffect(() => { void next(); }, [next]);

  const tools = (Object.keys(KINDS) as Kind[]).map((name) => (
    <button key={name} type="button" class="other" aria-pressed={name === kind} onClick={() => setKind(name)}>{KINDS[name].word}</button>
  ));
  return <View run={run} page="grid" title={KINDS[kind].title} tools={tools} bar={bar}>{body}</View>;
}
