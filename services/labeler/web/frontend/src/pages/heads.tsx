// How well the head does, round by round: three lines that differ in colour and stroke, and the numbers of the last rounds.

import type { JSX } from "preact";
import type { Dashboard } from "../core/types";
import { counts, Plot, WHOLE, type Colours, type Drawing } from "./plot";
import { Rows } from "./rows";

const LATEST = 8;

export const percent = (share: number | null): string => (share === null ? "–" : `${Math.round(share * 100)} %`);

export function Heads({ heads }: { heads: Dashboard["heads"] }): JSX.Element {
  const rounds = heads.map(({ round }) => round);
  const last = heads.at(-1);
  const text = last === undefined ? "" : `F1 ${percent(last.f1)}, precision ${percent(last.precision)}, recall ${percent(last.recall)} after round ${last.round}, by round`;
  return (
    <>
      {new Set(rounds).size > 1 ? (
        <figure>
          <Plot
            label={text} draw={(colours) => drawn(colours, rounds)}
            data={[rounds, heads.map(({ f1 }) => f1), heads.map(({ precision }) => precision), heads.map(({ recall }) => recall)]}
          />
          <figcaption class="key"><span class="f1">F1</span><span class="precision">Precision</span><span class="recall">Recall</span>by round</figcaption>
        </figure>
      ) : null}
      <Rows
        caption="Heads on held-out images" heads={["Round", "F1", "Precision", "Recall"]}
        rows={heads.slice(-LATEST).map((head) => [head.round, percent(head.f1), percent(head.precision), percent(head.recall)])}
      />
    </>
  );
}

function drawn({ ink, yes, no }: Colours, rounds: number[]): Drawing {
  const line = (stroke: string, dash: number[]) => ({ stroke, dash, width: 2, points: { show: true, size: 5, fill: stroke } });
  return {
    scales: { x: { time: false, range: [Math.min(...rounds), Math.max(...rounds)] }, y: { range: [0, 1] } },
    axes: [
      { values: counts, incrs: WHOLE, space: 40 },
      { splits: [0, 0.5, 1], values: (_chart, splits) => splits.map(percent) },
    ],
    series: [{}, line(ink, []), line(yes, [8, 4]), line(no, [2, 4])],
  };
}
