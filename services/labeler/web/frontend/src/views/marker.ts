// Labels given outside of the cards. They are kept in this browser until the labeler has them, and sent again until then.

import { call, Refused } from "../core/api";
import type { Mark, Said } from "../core/types";
import { banner, toast } from "../core/notices";
import { counted } from "../core/words";
import { randomName, recall, remember } from "../core/memory";

const AGAIN_MS = 2000;
const MOST = 500; // labels in one request

interface Waiting { sequence: number; item: number; answer: Said; round: number }
interface Kept { client: string; next: number; waiting: Waiting[] }

export class Marker {
  sending: Promise<void> | undefined;
  private readonly place: string;
  private readonly client: string;
  private next: number;
  private readonly waiting: Waiting[];
  private again: number | undefined;
  private closed = false;
  private refused = false;

  // "settle": whoever labels has seen the answers of others.
  constructor(private readonly run: string, private readonly kind: "marks" | "settle" = "marks") {
    this.place = `${kind}:${run}`;
    const kept = recall<Kept>(this.place);
    this.client = kept?.client ?? randomName();
    this.next = kept?.next ?? 1;
    this.waiting = kept?.waiting ?? [];
    void this.send();
  }

  close(): void {
    clearTimeout(this.again);
    this.closed = true;
  }

  // marks: [{item, answer}]; resolves once all that waits is on disk, or whoever asks is told: false where labels were refused.
  async add(marks: Mark[], round: number): Promise<boolean> {
    this.refused = false;
    for (const { item, answer } of marks) this.waiting.push({ sequence: this.next++, item, answer, round });
    this.keep();
    await this.send();
    return !this.refused;
  }

  private keep(): void {
    remember(this.place, { client: this.client, next: this.next, waiting: this.waiting });
  }

  private send(): Promise<void> {
    this.sending ??= this.sendAll().finally(() => { this.sending = undefined; });
    return this.sending;
  }

  private async sendAll(): Promise<void> {
    clearTimeout(this.again);
    while (this.waiting.length > 0 && !this.closed) {
      const events = this.waiting.slice(0, MOST);
      try {
        await call(`api/runs/${this.run}/${this.kind}`, { client: this.client, annotator: recall<string>("annotator") ?? "", events });
      } catch (error) {
        if (error instanceof Refused && error.status < 500) {
          toast(error.message); // sending them again will not help
          this.refused = true;
        } else {
          banner(`${counted(this.waiting.length, "label is", "labels are")} kept in this browser until the labeler answers.`);
          this.again = window.setTimeout(() => this.send(), AGAIN_MS);
          return;
        }
      }
      this.waiting.splice(0, events.length);
      this.keep();
      banner(null);
    }
  }
}
