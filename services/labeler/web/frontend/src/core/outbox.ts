// Answers on their way: numbered, in order, kept in this browser until the labeler says that they are on its disk.

import * as drawer from "./drawer";
import type { Card, Given, Said } from "./types";

export const PORTION = 100;

export class Outbox {
  events: Given[] = [];
  private sequence = 0;

  // client: every load of the page is a client of its own, with numbers of its own.
  constructor(readonly run: string, readonly client: string, readonly annotator: string) {}

  get waiting(): number { return this.events.length; }

  // By how many answers the labeler will be further once all of these have arrived.
  get ahead(): number { return this.events.reduce((sum, event) => sum + (event.answer === "retracted" ? -1 : 1), 0); }

  push(card: Card, answer: Said): void {
    this.sequence += 1;
    const given = { sequence: this.sequence, item: card.item, round: card.round, answer, shown: card.reason !== undefined };
    this.events.push(given);
    void drawer.put(this.run, this.client, this.annotator, given);
  }

  portion(): Given[] { return this.events.slice(0, PORTION); }

  // Whether an answer about this item (not an undo) is under way.
  answers(item: number): boolean {
    const last = this.events.findLast((event) => event.item === item);
    return last !== undefined && last.answer !== "retracted";
  }

  settle(sequences: number[]): void {
    const settled = new Set(sequences);
    const gone = this.events.filter((event) => settled.has(event.sequence));
    if (gone.length === 0) return;
    this.events = this.events.filter((event) => !settled.has(event.sequence));
    void drawer.remove(this.run, this.client, gone.map((event) => event.sequence));
  }
}
