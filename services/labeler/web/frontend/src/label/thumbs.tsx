// Small pictures of answered cards; a tap takes the answer back.

import type { JSX } from "preact";
import { useState } from "preact/hooks";
import type { Answer } from "../core/types";
import type { Answered } from "./labeling";

const MANY = 60; // at once: a batch may have hundreds, and all of their pictures would hold the page up for seconds

const MARKS: Record<Answer, string> = { positive: "✓", negative: "✕", unsure: "?" };
const WORDS: [Answer, string][] = [["positive", "yes"], ["negative", "no"], ["unsure", "unsure"]];

export type Back = (given?: Answered) => void;

// found: in the row of what was found, where nobody needs to hear that it was a yes.
export function Thumb({ given, back, found = false }: { given: Answered; back: Back; found?: boolean }): JSX.Element {
  const { card, answer } = given;
  const name = `${card.name}, ${found ? "found" : `answered ${answer}`}: look again`;
  return (
    <button
      type="button" class={`thumb ${answer}${card.picture?.tiny ? " tiny" : ""}`} title={`${card.name}: look again`}
      aria-label={name} onClick={() => back(given)}
    >
      {card.picture?.state === "unreadable" ? null : <img src={card.picture?.image?.src ?? card.small ?? `${card.image}&size=tile`} alt="" draggable={false} loading="lazy" decoding="async" />}
      <i aria-hidden="true">{MARKS[answer]}</i>
    </button>
  );
}

// The latest of them; those before on demand.
export function Review({ answers, back }: { answers: Answered[]; back: Back }): JSX.Element {
  const [many, setMany] = useState(MANY);
  const earlier = Math.min(MANY, Math.max(0, answers.length - many));
  return (
    <>
      {earlier > 0 ? <button type="button" class="other" onClick={() => setMany(many + MANY)}>{`Show ${earlier} before these`}</button> : null}
      <div class="review">{answers.slice(-many).map((given) => <Thumb key={given.card.item} given={given} back={back} />)}</div>
    </>
  );
}

export function Tally({ answers }: { answers: Answered[] }): JSX.Element {
  return (
    <div class="tally">
      {WORDS.map(([answer, word]) => {
        const many = answers.filter((given) => given.answer === answer).length;
        return many > 0 ? <span key={answer} class={answer}>{`${MARKS[answer]} ${many} ${word}`}</span> : null;
      })}
    </div>
  );
}
