// Answers on their way: numbered, in order, kept in this browser until the labeler says that they are on its disk.

import { recall, remember, remembered } from "./memory.js";

const PORTION = 100;

export class Outbox {
  // client: every load of the page is a client of its own, with numbers of its own.
  constructor(run, client, annotator) {
    this.name = `outbox:${run}:${client}`;
    this.client = client;
    this.annotator = annotator;
    this.events = [];
    this.sequence = 0;
    this.adopted = false;
  }

  // What another load of this page has left behind, or null.
  static adopt(run, own) {
    for (const client of remembered(`outbox:${run}:`)) {
      if (client === own) continue;
      const kept = recall(`outbox:${run}:${client}`);
      if (!Array.isArray(kept?.events) || kept.events.length === 0) {
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

  get waiting() { return this.events.length; }

  // By how many answers the labeler will be further once all of these have arrived.
  get ahead() { return this.events.reduce((sum, event) => sum + (event.answer === "retracted" ? -1 : 1), 0); }

  push(card, answer) {
    this.sequence += 1;
    this.events.push({ sequence: this.sequence, item: card.item, round: card.round, answer });
    this.keep();
  }

  portion() { return this.events.slice(0, PORTION); }

  // Whether an answer about this item (not an undo) is under way.
  answers(item) {
    const last = this.events.findLast((event) => event.item === item);
    return last !== undefined && last.answer !== "retracted";
  }

  settle(sequences) {
    const settled = new Set(sequences);
    // The tab that it belongs to may be alive and have added to it.
    if (this.adopted) this.events = recall(this.name)?.events ?? [];
    this.events = this.events.filter((event) => !settled.has(event.sequence));
    this.keep();
  }

  // The labeler will not take these: out of the way, but not lost.
  setAside() {
    remember(this.name.replace("outbox:", "aside:"), { annotator: this.annotator, events: this.events });
    remember(this.name, null);
  }

  keep() {
    remember(this.name, this.waiting === 0 ? null : { annotator: this.annotator, events: this.events });
  }
}
