// Positives found against labels, one point a round; and, once it is known how many there are, what random sampling would find.

import type { JSX } from "preact";
import type { LoopWords } from "../core/types";
import { Axes, numbers } from "./axes";

const WIDTH = 320;
const HEIGHT = 120;

interface Props {
  words: LoopWords;
  prevalence: [number | null, number | null]; // share of all images that is positive, at least and at most
}

export function Curve({ words, prevalence: [low, high] }: Props): JSX.Element {
  const { rounds } = words;
  const most = Math.max(1, ...rounds.map((round) => round.positives));
  const last = Math.max(1, rounds.at(-1)?.labels ?? 1);
  const x = (labels: number): number => (WIDTH * labels) / last;
  const y = (positives: number): number => HEIGHT - (HEIGHT * Math.min(positives, most)) / most;
  const points = rounds.map(({ labels, positives }) => `${x(labels)},${y(positives)}`).join(" ");
  const band = low === null || high === null ? null : `0,${HEIGHT} ${x(last)},${y(last * high)} ${x(last)},${y(last * low)}`;
  const text = `${most} positives found with ${last} labels`;
  const random = low === null || high === null ? "" : `; drawn at random, ${Math.round(last * low)} to ${Math.round(last * high)} would be (the band)`;
  return (
    <figure>
      <Axes up={numbers(most)} along={numbers(last)}>
        <svg class="curve" viewBox="0 0 320 120" preserveAspectRatio="none" role="img" aria-label={`${text}${random}`}>
          {band === null ? null : <polygon points={band} />}
          <polyline points={points} />
        </svg>
      </Axes>
      <figcaption>{`${text}, round by round${random}`}</figcaption>
    </figure>
  );
}
