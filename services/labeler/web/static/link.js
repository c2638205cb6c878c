// The conversation with the labeler: one exchange at a time, again whenever there is something to say.

import { call, farewell, Gone, Refused } from "./api.js";
import { Outbox } from "./outbox.js";

const WANT = 12; // cards in hand: the next eight and more are there before they are needed
const BEAT_MS = 15000; // a lease lasts at least several of these
const POLL_MS = 2000;
const HIDDEN_POLL_MS = 10000;
const IDLE_MS = 180000; // nobody at the desk: the cards may go to others

export class Link {
  // heard(reply) after each exchange, troubled(error) after each failure.
  constructor(run, outbox, deck, heard, troubled) {
    Object.assign(this, { run, outbox, deck, heard, troubled });
    this.path = `api/runs/${run}/sync`;
    this.failures = 0;
    this.closed = false;
    this.lastInput = performance.now();
    this.wake = () => {};
  }

  async start() {
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
  poke() {
    this.poked = true;
    if (this.failures === 0) this.wake();
  }

  // Try now, even after failures: the network is back, or somebody looks again.
  retry() {
    this.poked = true;
    this.wake();
  }

  // Somebody is at the desk.
  touched() {
    const idle = performance.now() - this.lastInput > IDLE_MS;
    this.lastInput = performance.now();
    if (idle) this.poke();
  }

  // The page closes, or goes to another run: its cards go back, its answers are sent.
  leave() {
    farewell(this.path, this.message({ hold: [], want: 0, leave: true }));
  }

  close() {
    this.closed = true;
    this.wake();
  }

  async exchange() {
    const left = Outbox.adopt(this.run, this.outbox.client);
    if (left !== null) await this.deliver(left);
    const hold = this.deck.items();
    const reply = await call(this.path, this.message({ hold, want: document.hidden ? 0 : WANT }));
    if (reply.run !== this.run) throw new Gone("an answer of another run");
    this.settle(this.outbox, reply);
    const held = new Set(reply.held);
    const lost = hold.filter((item) => !held.has(item) && !this.outbox.answers(item));
    this.deck.drop(lost);
    this.deck.add(reply.cards.filter((card) => !this.outbox.answers(card.item)));
    if (!this.closed) this.heard(reply, lost);
  }

  message(rest) {
    return { client: this.outbox.client, annotator: this.outbox.annotator, events: this.outbox.portion(), ...rest };
  }

  async deliver(outbox) {
    const events = outbox.portion();
    try {
      const reply = await call(this.path, { client: outbox.client, annotator: outbox.annotator, events });
      this.settle(outbox, reply);
    } catch (error) {
      if (!(error instanceof Refused && error.status === 400)) throw error;
      outbox.setAside();
    }
  }

  settle(outbox, reply) {
    outbox.settle([...reply.saved, ...reply.standing, ...reply.refused.map((refusal) => refusal.sequence)]);
  }

  rest() {
    if (this.poked && this.failures === 0) return Promise.resolve();
    return new Promise((resolve) => {
      const pause = this.pause();
      const timer = pause === Infinity ? 0 : setTimeout(resolve, pause);
      this.wake = () => { clearTimeout(timer); resolve(); };
      if (this.closed) this.wake();
    });
  }

  pause() {
    if (this.failures > 0) return Math.min(500 * 2 ** this.failures, 8000);
    if (this.outbox.waiting > 0) return 0;
    if (document.hidden) return this.deck.size > 0 ? Infinity : HIDDEN_POLL_MS;
    if (this.deck.size === 0) return POLL_MS;
    return performance.now() - this.lastInput > IDLE_MS ? Infinity : BEAT_MS;
  }
}
