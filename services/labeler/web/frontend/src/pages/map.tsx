// A map of the embeddings: what lies near each other looks alike to the encoder. What is circled can be put on offer.

import type { JSX } from "preact";
import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import { call, Refused } from "../core/api";
import { points } from "../core/arrays";
import { toast } from "../core/notices";
import type { TileData } from "../core/types";
import { counted, SILENT } from "../core/words";
import { Atlas } from "./atlas";
import { key, listen } from "./hand";
import { coloured, type Coloured, type Hue } from "./hues";
import { View } from "./view";

const MOST = 500; // of what is circled, at once
const SHOWN = 12;
const HUES: [Hue, string][] = [["label", "Label"], ["score", "Probability"], ["round", "Round"]];

export function MapPage({ run }: { run: string }): JSX.Element {
  const canvas = useRef<HTMLCanvasElement>(null);
  const atlas = useRef<Atlas | null>(null);
  const circling = useRef(false);
  const [circle, setCircle] = useState(false);
  const [hue, setHue] = useState<Hue>("label");
  const [legend, setLegend] = useState<Coloured["legend"]>([]);
  const [count, setCount] = useState<number | null>(null);
  const [line, setLine] = useState("");
  const [chosen, setChosen] = useState<Uint32Array | null>(null);
  const [trouble, setTrouble] = useState<string | null>(null);
  circling.current = circle;
  const choose = (around: [number, number][] | null): void => setChosen(atlas.current?.inside(around) ?? null);

  useEffect(() => {
    let gone = false;
    let off = (): void => {};
    void (async () => {
      try {
        const found = await points(run);
        const colours = await coloured(run, "label", found.length / 2);
        if (gone || canvas.current === null) return;
        off = begin(canvas.current, found, colours);
        setLegend(colours.legend);
        setCount(found.length / 2);
      } catch (error) {
        if (!gone) setTrouble(error instanceof Refused ? error.message : SILENT);
      }
    })();
    return () => { gone = true; off(); };
  }, [run]);

  function begin(element: HTMLCanvasElement, found: Uint16Array, { classes, palette, marked }: Coloured): () => void {
    const made = new Atlas(element, found, classes, palette, marked);
    atlas.current = made;
    const size = new ResizeObserver(() => made.resize());
    size.observe(element);
    const off = listen(element, made, {
      circles: () => circling.current, done: (around) => choose(around),
      line: (drawn) => setLine(drawn.map((point) => point.join(",")).join(" ")),
    });
    return () => { off(); size.disconnect(); made.close(); atlas.current = null; };
  }

  const turn = async (wanted: Hue): Promise<void> => {
    setHue(wanted);
    try {
      const found = await coloured(run, wanted, count ?? 0);
      atlas.current?.colour(found.classes, found.palette, found.marked);
      setLegend(found.legend);
    } catch (error) {
      toast(error instanceof Refused ? error.message : SILENT);
    }
  };

  const tools = (
    <>
      <div role="group" aria-label="Colour by" class="group">
        {HUES.map(([name, word]) => (
          <button key={name} type="button" class="other" aria-pressed={hue === name} disabled={count === null} onClick={() => void turn(name)}>{word}</button>
        ))}
      </div>
      <ul class="legend" aria-label="Colours">
        {legend.map(({ colour, word }) => (
          <li key={colour}><svg width="12" height="12" aria-hidden="true"><rect width="12" height="12" fill={colour} /></svg>{word}</li>
        ))}
      </ul>
    </>
  );
  const bar = (
    <>
      <button type="button" class="other" aria-pressed={circle} disabled={count === null} onClick={() => setCircle(!circle)}>Lasso</button>
      <button type="button" class="other" disabled={count === null} onClick={() => choose(null)}>Take what is in sight</button>
      <button type="button" class="other" disabled={count === null} onClick={() => atlas.current?.whole()}>Whole map (0)</button>
    </>
  );
  return (
    <View run={run} page="map" title="Map" tools={tools} bar={bar} fixed>
      <p class="words" role="status">
        {trouble ?? (count === null ? "Drawing the map …" : `${counted(count, "image")}; near each other: alike. Drag or arrows move, wheel, pinch, + and - zoom, Shift and drag is a lasso.`)}
      </p>
      <div class="map">
        <canvas
          ref={canvas} tabIndex={0} role="application" aria-label="Map of the images; arrows move it, plus and minus zoom, 0 shows all"
          class={circle ? "circling" : ""}
          onKeyDown={(event) => { if (atlas.current !== null && key(event, atlas.current)) event.preventDefault(); }}
        />
        <svg aria-hidden="true"><polygon points={line} /></svg>
      </div>
      {chosen === null ? null : <Choice run={run} items={chosen} close={() => setChosen(null)} />}
    </View>
  );
}

// As many of them as one may ask for, from all over.
function spread(items: Uint32Array, most: number): number[] {
  const step = Math.max(1, items.length / most);
  return Array.from({ length: Math.min(most, items.length) }, (_, at) => items[Math.floor(at * step)] ?? 0);
}

// What was circled, and what may be done with it.
function Choice({ run, items, close }: { run: string; items: Uint32Array; close: () => void }): JSX.Element {
  const [tiles, setTiles] = useState<TileData[]>([]);
  const [sending, setSending] = useState(false);
  const first = useRef<HTMLButtonElement>(null);
  useLayoutEffect(() => first.current?.focus(), [items]);
  useEffect(() => {
    let gone = false;
    setTiles([]);
    if (items.length > 0) {
      call<{ tiles: TileData[] }>(`api/runs/${run}/tiles`, { items: spread(items, SHOWN) })
        .then((answer) => { if (!gone) setTiles(answer.tiles); }, () => undefined);
    }
    return () => { gone = true; };
  }, [items, run]);
  const wanted = spread(items, MOST);
  const queue = async (): Promise<void> => {
    setSending(true);
    try {
      const { added } = await call<{ added: number }>(`api/runs/${run}/queue`, { items: wanted });
      toast(added > 0 ? `${counted(added, "image is", "images are")} on offer` : "All of them have an answer, or are on offer already");
      close();
    } catch (error) {
      toast(error instanceof Refused ? error.message : "The labeler does not answer: nothing has changed");
      setSending(false);
    }
  };
  return (
    <section class="choice" aria-label="What was chosen" onKeyDown={(event) => { if (event.key === "Escape") close(); }}>
      <p>{items.length === 0 ? "There is no image inside." : items.length > MOST ? `${counted(items.length, "image")} inside; ${MOST} from all over can be queued at once.` : `${counted(items.length, "image")} inside.`}</p>
      <div class="few">{tiles.map((tile) => <img key={tile.item} src={tile.image} alt={tile.name} title={tile.name} />)}</div>
      <div class="acts">
        <button ref={first} type="button" class="main" disabled={sending || items.length === 0} onClick={() => void queue()}>{`Queue ${counted(wanted.length, "image")} for labeling`}</button>
        <button type="button" class="other" onClick={close}>Never mind</button>
      </div>
    </section>
  );
}
