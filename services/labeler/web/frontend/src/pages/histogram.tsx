// The pool by probability on a logarithmic scale (one image in a million is seen), and in front of it what was sampled.

import type { JSX } from "preact";
import type { Dashboard } from "../core/types";
import { counted } from "../core/words";

export function Histogram({ words: { pool, sampled, sampled_round: round } }: { words: Dashboard }): JSX.Element {
  const scale = Math.log1p(Math.max(...pool, ...sampled, 1));
  const bar = (count: number, kind: string): JSX.Element => <i class={kind} style={{ height: `${(100 * Math.log1p(count)) / scale}%` }} />;
  const total = pool.reduce((sum, count) => sum + count, 0);
  const asked = sampled.flatMap((count, place) => (count > 0 ? [place] : []));
  const from = (asked[0] ?? 0) / pool.length;
  const to = ((asked.at(-1) ?? 0) + 1) / pool.length;
  const text = `${counted(total, "image")} without a label by the probability that the head gives them, 0 to 1`
    + (asked.length > 0 ? `; round ${round} asked for those from ${from.toFixed(2)} to ${to.toFixed(2)}` : "");
  return (
    <figure>
      <div class="histogram" role="img" aria-label={text}>
        {pool.map((count, place) => (
          <span key={place}>{bar(count, "pool")}{(sampled[place] ?? 0) > 0 ? bar(sampled[place] ?? 0, "sampled") : null}</span>
        ))}
      </div>
      <figcaption>{text} (bars logarithmic)</figcaption>
    </figure>
  );
}
