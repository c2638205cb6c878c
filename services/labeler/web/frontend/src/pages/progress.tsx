// How far a run is: lights, counts, the curve, and what the loop wants to know.

import type { JSX } from "preact";
import { useCallback } from "preact/hooks";
import type { LoopWords } from "../core/types";
import { counted } from "../core/words";
import { Panel } from "../label/panel";
import { Board } from "./board";
import { Curve } from "./curve";
import { answerer, Lamp } from "./loop";
import { Ask } from "./question";
import { isOver, useLastNews } from "./news";

const STATES: Record<string, string> = {
  running: "The loop is at work", asking: "The loop waits for an answer", labeling: "People are labeling",
  finished: "The run is finished", stopped: "The run is stopped", failed: "The run has failed",
};

const OVER = new Set(["finished", "stopped", "failed"]);

export function Progress({ run }: { run: string }): JSX.Element {
  const { words, trouble, again, gone } = useLastNews(run);
  const over = isOver(words);
  const answer = useCallback(answerer(run, again), [run, again]);
  return (
    <Panel>
      <h1>{trouble !== null ? "Progress is not to be had just now" : words === null ? "Loading …" : over ? STATES["finished"] : STATES[words.state] ?? words.state}</h1>
      {trouble !== null ? <p>{trouble}</p> : null}
      {words === null || trouble !== null ? null : (
        <>
          {gone ? <p>The page has closed with the run. Everything lies where the list says.</p> : null}
          {over && words.message ? <pre class="code">{words.message}</pre> : null}
          {words.message && !over ? <p class="failed">{words.message}</p> : null}
          {asks(words) && words.question !== null ? <Ask question={words.question} answer={answer} /> : null}
          <Counts run={run} words={words} />
          {words.advice ? <p class="strong">{words.advice}</p> : null}
          {words.lights.length > 0 ? <ul class="lights">{words.lights.map((light) => <Lamp key={light.name} {...light} />)}</ul> : null}
          {words.rounds.length > 1 ? <Curve words={words} prevalence={words.board?.prevalence ?? [null, null]} /> : null}
          {asks(words) || over || words.question === null ? null : <Ask question={words.question} answer={answer} />}
          {words.board === null || gone ? null : <Board run={run} words={words.board} over={over || OVER.has(words.state)} again={again} />}
        </>
      )}
      <div class="acts">
        {over ? null : <a class="other" href={`#/run/${run}/label`}>Back to labeling</a>}
        {over && !gone ? <a class="other admin" href={`#/run/${run}/finish`}>What came of it</a> : null}
      </div>
    </Panel>
  );
}

// Whether the loop waits: that is what somebody has come for, and stands before all that is only to be read.
const asks = (words: LoopWords): boolean => words.question !== null && !words.question.optional && !isOver({ ...words, board: null });

function Counts({ run, words }: { run: string; words: LoopWords }): JSX.Element {
  const { images, labels, positives, quarantined } = words;
  const aside = quarantined > 0 ? (
    <>
      , <a class="admin" href={`#/run/${run}/quarantine`}>{quarantined} of them unreadable</a>
      <span class="annotator">{quarantined} of them unreadable</span>
    </>
  ) : null;
  return <p><b>{positives}</b> found with <b>{counted(labels, "label")}</b> of {counted(images, "image")}{aside}.</p>;
}
