// The pool by probability on a logarithmic scale (one image in a million is seen), and in front of it what was sampled.

import type { JSX } from "preact";
import type { Dashboard } from "../core/types";
import { Axes } from "./axes";
import { counted } from "../core/words";

export function Histogram({ words: { pool, sampled, sampled_round: round } }: { words: Dashboard }): JSX.Element {
  const most = Math.max(...pool, ...sampled, 1);
  const scale = Math.log1p(most);
  const half = Math.round(Math.expm1(scale / 2)); // what a bar of half the height stands for
  const bar = (count: number, kind: string): JSX.Element => <i class={kind} style={{ height: `${(100 * Math.log1p(count)) / scale}%` }} />;
  const total = pool.reduce((sum, count) => sum + count, 0);
  const asked = sampled.flatMap((count, place) => (count > 0 ? [place] : []));
  const from = (asked[0] ?? 0) / pool.length;
  const to = ((asked.at(-1) ?? 0) + 1) / pool.length;
  const text = `${counted(total, "image")} without a label by the probability that the head gives them, 0 to 1`
    + (asked.length > 0 ? `; round ${round} asked for those from ${from.toFixed(2)} to ${to.toFixed(2)}` : "");
  return (
    <figure>
      <Axes up={["0", ...(half > 1 ? [half.toLocaleString("en")] : []), most.toLocaleString("en")]} along={["0", "0.25", "0.5", "0.75", "1"]}>
        <div class="histogram" role="img" aria-label={text}>
          {pool.map((count, place) => (
            <span key={place}>{bar(count, "pool")}{(sampled[place] ?? 0) > 0 ? bar(sampled[place] ?? 0, "sampled") : null}</span>
          ))}
        </div>
      </Axes>
      <figcaption>{text} (bars logarithmic)</figcaption>
    </figure>
  );
}
