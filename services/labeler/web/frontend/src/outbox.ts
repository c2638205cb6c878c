// Answers on their way: numbered, in order, kept in this browser until the labeler says that they are on its disk.

import type { Card, Given, Said } from "./types";
import { recall, remember, remembered } from "./memory";

const PORTION = 100;

interface Kept {
  annotator?: string;
  events?: Given[];
}

export class Outbox {
  events: Given[] = [];
  sequence = 0;
  adopted = false;
  private readonly name: string;

  // client: every load of the page is a client of its own, with numbers of its own.
  constructor(run: string, readonly client: string, readonly annotator: string) {
    this.name = `outbox:${run}:${client}`;
  }

  // What another load of this page has left behind, or null.
  static adopt(run: string, own: string): Outbox | null {
    for (const client of remembered(`outbox:${run}:`)) {
      if (client === own) continue;
      const kept = recall<Kept>(`outbox:${run}:${client}`);
      if (kept === null || !Array.isArray(kept.events) || kept.events.length === 0) {
        remember(`outbox:${run}:${client}`, null);
        continue;
      }
      const outbox = new Outbox(run, client, String(kept.annotator ?? ""));
      outbox.events = kept.events;
      outbox.adopted = true;
      return outbox;
    }
    return null;
  }

  get waiting(): number { return this.events.length; }

  // By how many answers the labeler will be further once all of these have arrived.
  get ahead(): number { return this.events.reduce((sum, event) => sum + (event.answer === "retracted" ? -1 : 1), 0); }

  push(card: Card, answer: Said): void {
    this.sequence += 1;
    this.events.push({ sequence: this.sequence, item: card.item, round: card.round, answer });
    this.keep();
  }

  portion(): Given[] { return this.events.slice(0, PORTION); }

  // Whether an answer about this item (not an undo) is under way.
  answers(item: number): boolean {
    const last = this.events.findLast((event) => event.item === item);
    return last !== undefined && last.answer !== "retracted";
  }

  settle(sequences: number[]): void {
    const settled = new Set(sequences);
    // The tab that it belongs to may be alive and have added to it.
    if (this.adopted) this.events = recall<Kept>(this.name)?.events ?? [];
    this.events = this.events.filter((event) => !settled.has(event.sequence));
    this.keep();
  }

  // The labeler will not take these: out of the way, but not lost.
  setAside(): void {
    remember(this.name.replace("outbox:", "aside:"), { annotator: this.annotator, events: this.events });
    remember(this.name, null);
  }

  private keep(): void {
    remember(this.name, this.waiting === 0 ? null : { annotator: this.annotator, events: this.events });
  }
}
