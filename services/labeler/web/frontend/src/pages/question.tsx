// What the loop asks: a choice, or a number. Terminal and page may both answer; the first wins.

import type { JSX } from "preact";
import { useRef } from "preact/hooks";
import type { Question } from "../core/types";

const WORDS: Record<string, string> = { l: "Train the head", f: "Fine-tune encoder and head", q: "Finish the run", a: "Audit recall", p: "Prove precision" };

interface Props {
  question: Question;
  answer: (id: string, given: string) => Promise<void>;
}

export function Ask({ question, answer }: Props): JSX.Element {
  const field = useRef<HTMLInputElement>(null);
  const submit = (event: Event): void => {
    event.preventDefault();
    void answer(question.id, field.current?.value ?? "");
  };
  return (
    <section class="question">
      <p>{question.text.replace(/\s*\[\w\]/g, "")}</p>
      <p class="annotator">An admin answers this, here or in the terminal.</p>
      {question.choices.length > 0 ? (
        <div class="acts admin">
          {question.choices.map((choice) => (
            <button key={choice} type="button" class="other" onClick={() => void answer(question.id, choice)}>{WORDS[choice] ?? choice}</button>
          ))}
        </div>
      ) : (
        <form class="admin" onSubmit={submit}>
          <input ref={field} type="number" min="0" inputMode="numeric" aria-label="A number" />
          <button class="main">Answer</button>
        </form>
      )}
    </section>
  );
}
