// The pool by probability on a logarithmic scale (one image in a million is seen), and in front of it what was sampled.

import type { JSX } from "preact";
import type { Dashboard } from "../core/types";
import { counted } from "../core/words";
import { Plot, type Bars, type Colours, type Drawing } from "./plot";

export function Histogram({ words: { pool, sampled, sampled_round: round } }: { words: Dashboard }): JSX.Element {
  const most = Math.max(...pool, ...sampled, 1);
  const total = pool.reduce((sum, count) => sum + count, 0);
  const asked = sampled.flatMap((count, place) => (count > 0 ? [place] : []));
  const from = (asked[0] ?? 0) / pool.length;
  const to = ((asked.at(-1) ?? 0) + 1) / pool.length;
  const text = `${counted(total, "image")} without a label by the probability that the head gives them, 0 to 1`
    + (asked.length > 0 ? `; round ${round} asked for those from ${from.toFixed(2)} to ${to.toFixed(2)}` : "");
  const middles = pool.map((_, place) => (place + 0.5) / pool.length);
  return (
    <figure>
      <Plot
        label={text} draw={(colours, bars) => drawn(colours, bars, most)}
        data={[middles, pool.map(Math.log1p), pool.map((_, place) => Math.log1p(sampled[place] ?? 0))]}
      />
      <figcaption>{text} (bars logarithmic)</figcaption>
    </figure>
  );
}

// Upwards the logarithm of one more than the count, so that 0 has a place: 0, 1, 10, 100 ... are marked.
function drawn({ dim, yes }: Colours, bars: Bars, most: number): Drawing {
  const bar = (fill: string) => ({ fill, width: 0, paths: bars(1), points: { show: false } });
  const marks = [0, ...Array.from({ length: Math.ceil(Math.log10(most + 1)) }, (_, zeros) => 10 ** zeros)];
  return {
    scales: { x: { time: false, range: [0, 1] }, y: { range: [0, Math.log1p(most)] } },
    axes: [
      { splits: [0, 0.25, 0.5, 0.75, 1], values: (_chart, splits) => splits.map(String) },
      { splits: marks.map(Math.log1p), values: () => marks.map((mark) => mark.toLocaleString("en")) },
    ],
    series: [{}, bar(`${dim}8c`), bar(yes)],
  };
}
