// The question with its definition, and images that others have answered yes and no.

import type { JSX } from "preact";
import { useEffect, useState } from "preact/hooks";
import { call } from "../core/api";
import { items } from "../core/arrays";
import type { TileData } from "../core/types";
import type { Labeling } from "./labeling";
import { Act, Panel } from "./panel";

const MANY = 6; // of each kind

export function Guide({ labeling, close }: { labeling: Labeling; close: () => void }): JSX.Element {
  const { run, reply } = labeling;
  return (
    <Panel enter={close} escape={close}>
      <h1>{reply?.question || reply?.name || "Does this image belong?"}</h1>
      {reply?.definition ? <p class="definition">{reply.definition}</p> : null}
      <Examples run={run} label="positive" title="✓ Answered yes" />
      <Examples run={run} label="negative" title="✕ Answered no" />
      <div class="acts"><Act click={close}>Back to the image</Act></div>
    </Panel>
  );
}

function Examples({ run, label, title }: { run: string; label: string; title: string }): JSX.Element | null {
  const [tiles, setTiles] = useState<TileData[]>([]);
  useEffect(() => { void examples(run, label).then(setTiles); }, [run, label]);
  if (tiles.length === 0) return null;
  return (
    <section>
      <h2 class={label}>{title}</h2>
      <div class="review">
        {tiles.map((tile) => <img key={tile.item} src={tile.image} alt={tile.name} title={tile.name} draggable={false} />)}
      </div>
    </section>
  );
}

async function examples(run: string, label: string): Promise<TileData[]> {
  try {
    const found = Array.from((await items(run, { label })).subarray(0, MANY));
    return (await call<{ tiles: TileData[] }>(`api/runs/${run}/tiles`, { items: found })).tiles;
  } catch {
    return []; // the words are enough without a network
  }
}
