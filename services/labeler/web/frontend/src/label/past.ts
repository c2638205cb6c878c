// The answers that were given before this page was opened, from the labeler: undo has no end at a reload.

import { call } from "../core/api";
import { recall, remember } from "../core/memory";
import type { OwnAnswer } from "../core/types";
import { FRAMES } from "./film";
import type { Answered } from "./labeling";

const MANY = 60; // at once
const AGAIN_MS = 10000;

const answered = ({ answer, position: _, ...card }: OwnAnswer): Answered => ({ card: { ...card, picture: null }, answer });

export class Past {
  ends = false; // there are none before those that are here
  private before: number | undefined;
  private fetching = false;
  private tried = -Infinity;

  // tell(answers, oldest first) with each page of them; discover(the latest yes, latest first) once, where there are more answers.
  constructor(
    private readonly run: string, private readonly annotator: string,
    private readonly tell: (answers: Answered[]) => void, private readonly discover: (found: Answered[]) => void,
  ) {
    // Whoever gives no name is one of many without: they are taken for the same person on a browser only that has labelled here.
    this.ends = annotator === "" && recall<boolean>(`labelled:${run}`) !== true;
    remember(`labelled:${run}`, true);
  }

  // The newest of them, once; may be called at any time.
  begin(): void {
    if (this.before !== undefined || this.ends || performance.now() - this.tried < AGAIN_MS) return;
    this.tried = performance.now();
    void this.fetch().then(() => this.look());
  }

  // The latest yes, where not all answers are here.
  private async look(): Promise<void> {
    if (this.ends || this.before === undefined) return;
    try {
      this.discover((await this.ask({ answer: "positive", count: String(FRAMES) })).map(answered));
    } catch { /* what was found on this load of the page is there */ }
  }

  private async ask(more: Record<string, string>): Promise<OwnAnswer[]> {
    const asked = new URLSearchParams({ annotator: this.annotator, ...more });
    return (await call<{ answers: OwnAnswer[] }>(`api/runs/${this.run}/mine?${asked}`)).answers;
  }

  // The answers before those that are here; without a network, the next wish asks again.
  async fetch(): Promise<void> {
    if (this.fetching || this.ends) return;
    this.fetching = true;
    const before: Record<string, string> = this.before === undefined ? {} : { before: String(this.before) };
    try {
      const answers = await this.ask({ count: String(MANY), ...before });
      this.ends = answers.length < MANY;
      this.before = answers.at(-1)?.position ?? this.before;
      this.tell(answers.reverse().map(answered));
    } catch { /* the next wish asks again */ }
    this.fetching = false;
  }
}
