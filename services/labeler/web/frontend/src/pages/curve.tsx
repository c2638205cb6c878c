// Positives found against labels, one point a round; and, once it is known how many there are, what random sampling would find.

import type { JSX } from "preact";
import type { LoopWords } from "../core/types";
import { counts, Plot, WHOLE, type Colours, type Drawing } from "./plot";
import { Rows } from "./rows";

interface Props {
  words: LoopWords;
  prevalence: [number | null, number | null]; // share of all images that is positive, at least and at most
}

export function Curve({ words: { rounds }, prevalence: [low, high] }: Props): JSX.Element {
  const most = Math.max(1, ...rounds.map((round) => round.positives));
  const last = Math.max(1, rounds.at(-1)?.labels ?? 1);
  const labels = rounds.map((round) => round.labels); // from 0
  const chance = (share: number | null): (number | null)[] => labels.map((many) => (share === null ? null : many * share));
  const known = low !== null && high !== null;
  const text = `${most} positives found with ${last} labels`;
  const random = known ? `; at random it would be ${Math.round(last * low)} to ${Math.round(last * high)} (the band)` : "";
  return (
    <figure>
      <Plot
        label={`${text}${random}`} draw={(colours) => drawn(colours, last, most)}
        data={[labels, chance(known ? high : null), chance(known ? low : null), rounds.map((round) => round.positives)]}
      />
      <figcaption>{`${text}, round by round${random}`}</figcaption>
      <details>
        <summary>The numbers</summary>
        <Rows caption="Labels and positives found" heads={["Labels", "Positives"]} rows={rounds.slice(1).map((round) => [round.labels, round.positives])} />
      </details>
    </figure>
  );
}

function drawn({ dim, yes }: Colours, last: number, most: number): Drawing {
  return {
    scales: { x: { time: false, range: [0, last] }, y: { range: [0, most] } },
    axes: [{ values: counts, incrs: WHOLE, space: 60 }, { values: counts, incrs: WHOLE, space: 22 }],
    bands: [{ series: [1, 2], fill: `${dim}59` }],
    series: [
      {}, { width: 0, points: { show: false } }, { width: 0, points: { show: false } },
      { stroke: yes, width: 2, points: { show: true, size: 6, fill: yes } },
    ],
  };
}
