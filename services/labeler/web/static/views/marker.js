// Labels given outside of the cards. They are kept in this browser until the labeler has them, and sent again until then.

import { call, Refused } from "../api.js";
import { banner, counted, toast } from "../dom.js";
import { randomName, recall, remember } from "../memory.js";

const AGAIN_MS = 2000;
const MOST = 500; // labels in one request

export class Marker {
  constructor(run) {
    this.run = run;
    this.place = `marks:${run}`;
    const kept = recall(this.place, null);
    this.client = kept?.client ?? randomName();
    this.next = kept?.next ?? 1;
    this.waiting = kept?.waiting ?? [];
    this.send();
  }

  close() {
    clearTimeout(this.again);
    this.closed = true;
  }

  // marks: [{item, answer}]; resolves once all that waits is on disk.
  async add(marks, round) {
    for (const { item, answer } of marks) this.waiting.push({ sequence: this.next++, item, answer, round });
    this.keep();
    await this.send();
  }

  keep() {
    remember(this.place, { client: this.client, next: this.next, waiting: this.waiting });
  }

  send() {
    this.sending ??= this.sendAll().finally(() => { this.sending = undefined; });
    return this.sending;
  }

  async sendAll() {
    clearTimeout(this.again);
    while (this.waiting.length > 0 && !this.closed) {
      const events = this.waiting.slice(0, MOST);
      try {
        await call(`api/runs/${this.run}/marks`, { client: this.client, annotator: recall("annotator") ?? "", events });
      } catch (error) {
        if (error instanceof Refused && error.status < 500) {
          toast(error.message); // sending them again will not help
        } else {
          banner(`${counted(this.waiting.length, "label is", "labels are")} kept in this browser until the labeler answers.`);
          this.again = setTimeout(() => this.send(), AGAIN_MS);
          return;
        }
      }
      this.waiting.splice(0, events.length);
      this.keep();
      banner(null);
    }
  }
}
