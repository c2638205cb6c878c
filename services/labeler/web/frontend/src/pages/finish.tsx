// The end of a run, or what it would be now: what was found, whether that is enough, what can be taken along, what comes next.

import type { JSX } from "preact";
import { counted } from "../core/words";
import { useExport } from "./export";
import { answerer, Lamp } from "./loop";
import { isOver, useLastNews, type News } from "./news";
import { View } from "./view";

const BINS = 50; // of the pool's histogram

export function Finish({ run }: { run: string }): JSX.Element {
  const { words: known, trouble, again, gone } = useLastNews(run);
  const over = isOver(known);
  const { body, bar } = useExport(run, known !== null && !over);
  const may = known?.question?.choices.includes("q") === true && !over;
  const end = (): void => void answerer(run, again)(known?.question?.id ?? "", "q");
  return (
    <View
      run={run} page="finish" title={over ? "The run is finished" : "Finish"}
      bar={<>{may ? <button type="button" class="other" onClick={end}>Finish the run</button> : null}{bar}</>}
    >
      {known === null ? <p class="words" role="status">{trouble ?? "Loading …"}</p> : over ? <Report run={run} text={known.message ?? ""} gone={gone} /> : <SoFar words={known} />}
      {body}
    </View>
  );
}

// What the run ended with: lines of a word and what there is to say of it.
function Report({ run, text, gone }: { run: string; text: string; gone: boolean }): JSX.Element {
  const rows = text.split("\n").map((line) => line.split(/ {2,}/, 2) as [string, string | undefined]).filter(([what]) => what !== "");
  return (
    <>
      {gone ? <p class="words">The page has closed with the run. Everything lies where the list says.</p> : null}
      <dl class="report">{rows.map(([what, said]) => <div key={what}><dt>{what}</dt><dd>{said ?? ""}</dd></div>)}</dl>
      <h2>What comes next</h2>
      <ul class="next">
        <li>Classify further images: <code>active-labeler predict final_model.ckpt FOLDER</code></li>
        <li>In Python: <code>active_labeler.load_model("final_model.ckpt").classify("image.jpg")</code></li>
        {gone ? null : <li>Look once more at what was labelled, and correct it for the next run: <a href={`#/run/${run}/browse`}>Browse</a></li>}
        {gone ? null : <li>Look for something else: <a href="#/">all runs</a></li>}
      </ul>
    </>
  );
}

function SoFar({ words }: { words: News }): JSX.Element {
  const { positives, labels, images, quarantined, lights, advice, board } = words;
  const aside = quarantined > 0 ? `, ${quarantined.toLocaleString("en")} of them unreadable` : "";
  return (
    <>
      <p><b>{positives}</b> found with <b>{counted(labels, "label")}</b> of {counted(images, "image")}{aside}.</p>
      {board !== null && board.pool.length === BINS && board.threshold > 0 ? <p>{line(board.pool, board.threshold)}</p> : null}
      {words.state === "failed" || words.state === "stopped" ? <p class="failed">{words.message}</p> : null}
      {advice ? <p class="strong">{advice}</p> : null}
      {lights.length > 0 ? <ul class="lights">{lights.map((light) => <Lamp key={light.name} {...light} />)}</ul> : null}
    </>
  );
}

// How much of what nobody has answered would be positive.
function line(pool: number[], threshold: number): string {
  const above = pool.slice(Math.ceil(threshold * BINS)).reduce((sum, count) => sum + count, 0);
  return `Of what nobody has answered, about ${counted(above, "image")} of ${pool.reduce((sum, count) => sum + count, 0).toLocaleString("en")} would be positive: those with a probability of ${threshold.toFixed(2)} or more.`;
}
