// Small pictures of answered cards; a tap takes the answer back.

import type { JSX } from "preact";
import type { Answer } from "../core/types";
import type { Answered } from "./labeling";

const MARKS: Record<Answer, string> = { positive: "✓", negative: "✕", unsure: "?" };
const WORDS: [Answer, string][] = [["positive", "yes"], ["negative", "no"], ["unsure", "unsure"]];

export type Back = (given?: Answered) => void;

export function Thumb({ given, back }: { given: Answered; back: Back }): JSX.Element {
  const { card, answer } = given;
  const name = `${card.name}, answered ${answer}: look again`;
  return (
    <button
      type="button" class={`thumb ${answer}${card.picture?.tiny ? " tiny" : ""}`} title={`${card.name}: look again`}
      aria-label={name} onClick={() => back(given)}
    >
      {card.picture?.state === "unreadable" ? null : <img src={card.picture?.image?.src ?? card.image} alt="" draggable={false} loading="lazy" />}
      <i aria-hidden="true">{MARKS[answer]}</i>
    </button>
  );
}

export function Review({ answers, back }: { answers: Answered[]; back: Back }): JSX.Element {
  return <div class="review">{answers.map((given) => <Thumb key={given.card.item} given={given} back={back} />)}</div>;
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
