// The conversation with the labeler: one exchange at a time, again whenever there is something to say.

import { call, farewell, Gone, Refused } from "./api";
import type { Deck } from "./deck";
import * as drawer from "./drawer";
import { PORTION, type Outbox } from "./outbox";
import type { Given, Reply } from "./types";

const WANT = 12; // cards in hand: the next eight and more are there before they are needed
export const PACK = 200; // cards in hand for a time without a network
const BEAT_MS = 15000; // a lease lasts at least several of these
const POLL_MS = 2000;
const HIDDEN_POLL_MS = 10000;
const IDLE_MS = 180000; // nobody at the desk: the cards may go to others

export class Link {
  packing = false; // the cards in hand are for a time without a network: they stay here for an hour
  packed = false; // and have come
  private readonly path: string;
  private failures = 0;
  private closed = false;
  private poked = false;
  private lastInput = performance.now();
  private wake: () => void = () => {};

  // heard(reply, lost items) after each exchange, troubled(error) after each failure.
  constructor(
    private readonly outbox: Outbox, private readonly deck: Deck,
    private readonly heard: (reply: Reply, lost: number[]) => void, private readonly troubled: (error: unknown) => void,
  ) {
    this.path = `api/runs/${outbox.run}/sync`;
  }

  async start(): Promise<void> {
    while (!this.closed) {
      this.poked = false;
      try {
        await this.exchange();
        this.failures = 0;
      } catch (error) {
        this.failures += 1;
        if (!this.closed) this.troubled(error);
      }
      await this.rest();
    }
  }

  // There is something to say.
  poke(): void {
    this.poked = true;
    if (this.failures === 0) this.wake();
  }

  // Try now, even after failures: the network is back, or somebody looks again.
  retry(): void {
    this.poked = true;
    this.wake();
  }

  // Somebody is at the desk.
  touched(): void {
    const idle = performance.now() - this.lastInput > IDLE_MS;
    this.lastInput = performance.now();
    if (idle) this.poke();
  }

  // The page closes, or goes to another run: its cards go back, its answers are sent.
  leave(): void {
    farewell(this.path, this.message(this.outbox.portion(), { hold: [], want: 0, leave: true }));
  }

  close(): void {
    this.closed = true;
    this.wake();
  }

  private async exchange(): Promise<void> {
    await this.deliverLeft();
    const hold = this.deck.items();
    if (this.packing && hold.length <= WANT && this.packed) this.packing = this.packed = false;
    const want = document.hidden && !this.packing ? 0 : this.packing && !this.packed ? PACK : WANT;
    const reply = await call<Reply>(this.path, this.message(this.outbox.portion(), { hold, want, reserve: this.packing }));
    if (reply.run !== this.outbox.run) throw new Gone("an answer of another run");
    this.outbox.settle(settled(reply));
    const held = new Set(reply.held);
    const lost = hold.filter((item) => !held.has(item) && !this.outbox.answers(item));
    this.deck.drop(lost);
    this.deck.add(reply.cards.filter((card) => !this.outbox.answers(card.item)));
    if (want === PACK) this.packed = true;
    if (!this.closed) this.heard(reply, lost);
  }

  private message(events: Given[], rest: object): object {
    return { client: this.outbox.client, annotator: this.outbox.annotator, events, ...rest };
  }

  // What other loads of this page have left behind goes first.
  private async deliverLeft(): Promise<void> {
    const kept = await drawer.left(this.outbox.run, this.outbox.client, PORTION);
    const [first] = kept;
    if (first === undefined) return;
    const events = kept.map(({ sequence, item, round, answer, shown }) => ({ sequence, item, round, answer, shown: shown ?? false }));
    try {
      const reply = await call<Reply>(this.path, { client: first.client, annotator: first.annotator, events });
      await drawer.remove(this.outbox.run, first.client, settled(reply));
    } catch (error) {
      if (!(error instanceof Refused && error.status === 400)) throw error;
      await drawer.setAside(kept);
    }
    if (kept.length === PORTION) this.poked = true;
  }

  private rest(): Promise<void> {
    if (this.poked && this.failures === 0) return Promise.resolve();
    return new Promise((resolve) => {
      const pause = this.pause();
      const timer = pause === Infinity ? 0 : setTimeout(resolve, pause);
      this.wake = () => { clearTimeout(timer); resolve(); };
      if (this.closed) this.wake();
    });
  }

  private pause(): number {
    if (this.failures > 0) return Math.min(500 * 2 ** this.failures, 8000);
    if (this.outbox.waiting > 0) return 0;
    if (document.hidden && !this.packing) return this.deck.size > 0 ? Infinity : HIDDEN_POLL_MS;
    if (this.deck.size === 0) return POLL_MS;
    return performance.now() - this.lastInput > IDLE_MS && !this.packing ? Infinity : BEAT_MS;
  }
}

const settled = (reply: Reply): number[] =>
  [...reply.saved, ...reply.standing, ...reply.refused.map((refusal) => refusal.sequence)];
