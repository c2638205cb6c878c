// The answers that were given before this page was opened, from the labeler: undo has no end at a reload.

import { call } from "../core/api";
import { recall, remember } from "../core/memory";
import type { OwnAnswer } from "../core/types";
import type { Answered } from "./labeling";

const MANY = 60; // at once
const AGAIN_MS = 10000;

export class Past {
  ends = false; // there are none before those that are here
  private before: number | undefined;
  private fetching = false;
  private tried = -Infinity;

  // tell(answers, oldest first) with each page of them.
  constructor(private readonly run: string, private readonly annotator: string, private readonly tell: (answers: Answered[]) => void) {
    // Whoever gives no name is one of many without: they are taken for the same person on a browser only that has labelled here.
    this.ends = annotator === "" && recall<boolean>(`labelled:${run}`) !== true;
    remember(`labelled:${run}`, true);
  }

  // The newest of them, once; may be called at any time.
  begin(): void {
    if (this.before !== undefined || this.ends || performance.now() - this.tried < AGAIN_MS) return;
    this.tried = performance.now();
    void this.fetch();
  }

  // The answers before those that are here; without a network, the next wish asks again.
  async fetch(): Promise<void> {
    if (this.fetching || this.ends) return;
    this.fetching = true;
    const asked = new URLSearchParams({ annotator: this.annotator, count: String(MANY) });
    if (this.before !== undefined) asked.set("before", String(this.before));
    try {
      const { answers } = await call<{ answers: OwnAnswer[] }>(`api/runs/${this.run}/mine?${asked}`);
      this.ends = answers.length < MANY;
      this.before = answers.at(-1)?.position ?? this.before;
      this.tell(answers.reverse().map(({ answer, position: _, ...card }) => ({ card: { ...card, picture: null }, answer })));
    } catch { /* the next wish asks again */ }
    this.fetching = false;
  }
}
