// How far a run is: lights, counts, the curve, and what the loop wants to know. The orchestrator tells, every two seconds.

import { call, Refused } from "./api";
import { counted, find, make, toast } from "./dom";
import * as panels from "./panels";
import type { Dashboard, Light, LoopWords, Question } from "./types";
import { board } from "./views/board";

type Words = LoopWords & { board: Dashboard | null };
type Trouble = { run: string; trouble: string };

const AGAIN_MS = 2000;
const WORDS: Record<string, string> = { l: "Train the head", f: "Fine-tune encoder and head", q: "Finish the run", a: "Audit recall", p: "Prove precision" };
const STATES: Record<string, string> = {
  running: "The loop is at work", asking: "The loop waits for an answer", labeling: "People are labeling",
  finished: "The run is finished", stopped: "The run is stopped", failed: "The run has failed",
};

export class Progress {
  private drawn = "";
  private again: number | undefined;
  private closed = false;

  constructor(private readonly run: string) {
    void this.look();
  }

  close(): void {
    clearTimeout(this.again);
    this.closed = true;
  }

  private async look(): Promise<void> {
    clearTimeout(this.again);
    let words: Words | Trouble;
    try {
      const loop = await call<LoopWords>(`api/runs/${this.run}/loop`);
      const board = await call<Dashboard>(`api/runs/${this.run}/dashboard`).catch(() => null); // of an older orchestrator, maybe
      words = { ...loop, board };
    } catch (error) {
      words = { run: this.run, trouble: error instanceof Refused ? error.message : "The labeler does not answer." };
    }
    if (this.closed) return;
    this.draw(words);
    this.again = window.setTimeout(() => this.look(), AGAIN_MS);
  }

  // Drawn anew only when something has changed: whoever is about to tap a button must not miss it.
  private draw(words: Words | Trouble): void {
    const key = JSON.stringify(words);
    if (key === this.drawn && panels.isShown()) return;
    this.drawn = key;
    panels.show(
      make("h2", {}, "trouble" in words ? "Progress is not to be had just now" : STATES[words.state] ?? words.state),
      ...("trouble" in words ? [make("p", {}, words.trouble)] : this.figures(words)),
      make("div", { class: "acts" }, make("a", { class: "other", href: `#/run/${this.run}/label` }, "Back to labeling")),
    );
  }

  private figures(words: Words): (Node | null)[] {
    const { images, labels, positives, quarantined, advice, lights = [], rounds = [], question } = words;
    const aside = quarantined > 0 ? `, ${quarantined} of them unreadable` : "";
    return [
      make("p", {}, make("b", {}, String(positives)), " found with ", make("b", {}, counted(labels, "label")),
        ` of ${counted(images, "image")}${aside}.`),
      advice ? make("p", { class: "strong" }, advice) : null,
      lights.length > 0 ? make("ul", { class: "lights" }, ...lights.map(light)) : null,
      rounds.length > 1 ? curve(rounds) : null,
      question === null ? null : this.ask(question),
      words.board === null ? null : board(this.run, words.board, () => this.look()),
    ];
  }

  private ask(question: Question): HTMLElement {
    const choices = question.choices.map((choice) => make(
      "button", { type: "button", class: "other", click: () => this.answer(question, choice) }, WORDS[choice] ?? choice,
    ));
    return make(
      "section", { class: "question" },
      make("p", {}, question.text.replace(/\s*\[\w\]/g, "")),
      choices.length > 0 ? make("div", { class: "acts" }, ...choices) : this.number(question),
    );
  }

  private number(question: Question): HTMLElement {
    const input = make("input", { type: "number", min: "0", inputmode: "numeric", "aria-label": "A number" });
    const submit = (event: Event): void => {
      event.preventDefault();
      void this.answer(question, input.value);
    };
    return make("form", { submit }, input, make("button", { class: "main" }, "Answer"));
  }

  private async answer(question: Question, answer: string): Promise<void> {
    if (answer === "q" && !confirm("Finish the run? The cards on offer go back, and the curated data set is written.")) return;
    try {
      const { accepted } = await call<{ accepted: boolean }>(`api/runs/${this.run}/loop`, { question: question.id, answer });
      toast(accepted ? "The loop goes on" : "Somebody else was faster with an answer");
    } catch (error) {
      toast(error instanceof Refused ? error.message : "The labeler does not answer: nothing has changed");
    }
    this.drawn = "";
    this.look();
  }
}

const light = ({ name, colour, text }: Light): HTMLElement => make(
  "li", { class: colour }, make("i", { "aria-hidden": "true" }), make("div", {}, make("b", {}, name), make("span", {}, text)),
);

// Positives found against labels, one point a round.
function curve(rounds: LoopWords["rounds"]): HTMLElement {
  const width = 320;
  const height = 120;
  const most = Math.max(1, ...rounds.map((round) => round.positives));
  const last = Math.max(1, rounds.at(-1)?.labels ?? 1);
  const points = rounds.map(({ labels, positives }) => `${(width * labels) / last},${height - (height * positives) / most}`);
  const words = `${most} positives found with ${last} labels`;
  const picture = find<HTMLTemplateElement>("curve").content.firstElementChild?.cloneNode(true) as SVGElement;
  picture.setAttribute("aria-label", words);
  picture.firstElementChild?.setAttribute("points", points.join(" "));
  return make("figure", {}, picture, make("figcaption", {}, `${words}, round by round`));
}
