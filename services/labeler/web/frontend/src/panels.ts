// What stands in the place of the image when there is none: names, runs, ends, waiting.

import type { Held } from "./deck";
import { counted, find, make } from "./dom";
import type { Answer, Progress, RunLine } from "./types";

// An answered card.
export interface Answered {
  card: Held;
  answer: Answer;
}

export type Back = (given?: Answered) => void;

const MARKS = { positive: "✓", negative: "✕", unsure: "?" };

let enterKey: (() => void) | null = null;

export function hide(): void {
  enterKey = null;
  find("desk").inert = false;
  find("panel").hidden = true;
}

export const isShown = (): boolean => !find("panel").hidden;

export function enter(): void { enterKey?.(); }

export function show(...children: (Node | string | null)[]): void {
  enterKey = null;
  const panel = find("panel");
  panel.replaceChildren(make("div", {}, ...children)); // make() leaves out what is null
  panel.hidden = false;
  find("desk").inert = true; // what lies behind takes no taps and no focus
}

const act = (text: string, click: (event: Event) => unknown, kind = "main") => make("button", { type: "button", class: kind, click }, text);

export function askName(question: string, name: string, done: (name: string) => void): void {
  const input = make("input", { name: "name", maxlength: "60", autocomplete: "name", autocapitalize: "words", value: name });
  const submit = (event: Event): void => {
    event.preventDefault();
    done(input.value.trim());
  };
  show(
    make("h2", {}, question || "Label images"),
    make(
      "form", { submit },
      make("label", {}, "Your name goes with your answers; this browser remembers it.", input),
    ),
    make(
      "dl", {},
      make("dt", { class: "yes" }, "✓ Yes"), make("dd", {}, "right arrow, or swipe right"),
      make("dt", { class: "no" }, "✕ No"), make("dd", {}, "left arrow, or swipe left"),
      make("dt", { class: "unsure" }, "? Unsure"), make("dd", {}, "down arrow, or swipe down"),
      make("dt", { class: "undo" }, "Undo"), make("dd", {}, "U or Ctrl+Z; as often as you like"),
    ),
    make("div", { class: "acts" }, act("Start", submit)),
  );
  enterKey = () => done(input.value.trim());
  input.focus();
}

export function chooseRun(runs: RunLine[]): void {
  show(
    make("h2", {}, "What do you want to label?"),
    ...runs.map((run) => make(
      "a", { class: "run", href: `#/run/${run.run}/label` },
      make("b", {}, run.question || run.name || run.run),
      make("span", {}, `${run.name || run.run} · ${run.finished ? "finished" : `${counted(run.open, "image")} waiting`}`),
    )),
  );
}

export function noRun(): void {
  show(
    make("h2", {}, "There is nothing to label yet"),
    make("p", {}, "Start a run, and this page goes on by itself:"),
    make("p", {}, make("code", {}, "active-labeler run --data FOLDER --reference IMAGE")),
  );
}

interface End {
  answers: Answered[];
  open: number;
  back: Back | null;
  goOn: () => void;
  finish: () => void;
}

export function batchEnd({ answers, open, back, goOn, finish }: End): void {
  show(
    make("h2", {}, `${counted(answers.length, "image")} done`),
    tally(answers),
    review(answers, back),
    make(
      "div", { class: "acts" },
      act("Continue labeling", goOn),
      act("Finish batch early", finish, "other"),
    ),
    make("p", {}, `${counted(open, "image")} of this round ${open === 1 ? "is" : "are"} left. Finishing early puts them back`
      + " for everyone, and the loop goes on with the answers so far."),
  );
  enterKey = goOn;
}

export function waiting({ answers, progress, back }: { answers: Answered[]; progress: Progress; back: Back | null }): void {
  const others = progress.open;
  show(
    make("h2", {}, others > 0 ? "The rest is in other hands" : "Waiting for the next images"),
    make("p", {}, others > 0
      ? `${counted(others, "image is", "images are")} being looked at by somebody else. Those that come back appear here.`
      : "This round is done. The next images appear here by themselves."),
    make("p", { class: "strong" }, `All your answers are saved: ${counted(progress.yours, "answer")} by you,`
      + ` ${counted(progress.positives, "image")} found so far.`),
    ...lookBack(answers, back),
  );
}

interface Over {
  sentence: string | null;
  yours: number;
  answers: Answered[];
  back: Back | null;
}

export function finished({ sentence, yours, answers, back }: Over): void {
  show(
    make("h2", {}, "Labeling is finished"),
    sentence ? make("p", {}, sentence) : null,
    make("p", { class: "strong" }, yours > 0
      ? `Thank you. Your ${counted(yours, "answer is", "answers are")} saved; you may close this page.`
      : "You may close this page."),
    ...lookBack(answers, back),
  );
}

// The last answers, for second thoughts; back: null where there is none to take back.
function lookBack(answers: Answered[], back: Back | null): HTMLElement[] {
  if (back === null) return [];
  const again = make("div", { class: "acts" }, act("Take the last answer back", () => back(), "other"));
  return answers.length > 0 ? [tally(answers), review(answers, back), again] : [again];
}

export function unknownRun(waitingAnswers: number): void {
  show(
    make("h2", {}, "The labeler does not know this run"),
    make("p", {}, "It may use another label store than before. This page looks again by itself."),
    waitingAnswers > 0
      ? make("p", { class: "strong" }, `${counted(waitingAnswers, "answer is", "answers are")} kept in this browser.`)
      : null,
    make("div", { class: "acts" }, make("a", { class: "other", href: "#/" }, "Show all runs")),
  );
}

function tally(answers: Answered[]): HTMLElement {
  const words: Record<Answer, string> = { positive: "yes", negative: "no", unsure: "unsure" };
  const parts = (Object.entries(words) as [Answer, string][]).map(([answer, word]) => {
    const many = answers.filter((given) => given.answer === answer).length;
    return many > 0 ? make("span", { class: answer }, `${MARKS[answer]} ${many} ${word}`) : null;
  });
  return make("div", { class: "tally" }, ...parts);
}

function review(answers: Answered[], back: Back | null): HTMLElement {
  return make("div", { class: "review" }, ...answers.map((given) => thumb(given, back)));
}

// A small picture of an answered card; a tap takes the answer back.
export function thumb(given: Answered, back: Back | null): HTMLElement {
  const { card, answer } = given;
  const tiny = card.picture?.tiny ? " tiny" : "";
  const image = card.picture?.state === "unreadable" ? null : make("img", { src: card.image, alt: "", draggable: "false" });
  return make(
    "button",
    {
      type: "button",
      class: `thumb ${answer}${tiny}`,
      title: `${card.name}: look again`,
      "aria-label": `${card.name}, answered ${answer}: look again`,
      click: () => back?.(given),
    },
    image, make("i", { "aria-hidden": "true" }, MARKS[answer]),
  );
}
