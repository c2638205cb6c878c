// Labels given outside of the cards. They are kept in this browser until the labeler has them, and sent again until then.
// Each load of the page is a client with numbers of its own: two tabs with the same numbers would pass for one that says a thing twice.

import { call, Refused } from "../core/api";
import type { Mark, Said } from "../core/types";
import { banner, toast } from "../core/notices";
import { counted } from "../core/words";
import { randomName, recall, remember, remembered } from "../core/memory";

const AGAIN_MS = 2000;
const MOST = 500; // labels in one request

interface Event { sequence: number; item: number; answer: Said; round: number }
interface Waiting extends Event { client: string }
interface Old { client: string; waiting: Event[] } // as earlier versions kept them, for all tabs together

export class Marker {
  sending: Promise<void> | undefined;
  private readonly place: string;
  private readonly client = randomName();
  private next = 1;
  private readonly waiting: Waiting[] = [];
  private again: number | undefined;
  private closed = false;
  private refused = false;

  // "settle": whoever labels has seen the answers of others.
  constructor(private readonly run: string, private readonly kind: "marks" | "settle" = "marks") {
    this.place = `${kind}:${run}:${this.client}`;
    this.takeOver(`${kind}:${run}`);
    this.keep();
    void this.send();
  }

  // Whether there are labels that the labeler does not have yet.
  get waits(): boolean { return this.waiting.length > 0; }

  close(): void {
    clearTimeout(this.again);
    this.closed = true;
  }

  // marks: [{item, answer}]; resolves once all that waits is on disk, or whoever asks is told: false where labels were refused.
  async add(marks: Mark[], round: number): Promise<boolean> {
    this.refused = false;
    for (const { item, answer } of marks) this.waiting.push({ client: this.client, sequence: this.next++, item, answer, round });
    this.keep();
    await this.send();
    return !this.refused;
  }

  // What other loads of the page have left. One that is open still may send the same: with the same numbers, it counts once.
  private takeOver(name: string): void {
    const old = recall<Old>(name);
    for (const event of old?.waiting ?? []) this.waiting.push({ client: old?.client ?? this.client, ...event });
    remember(name, null);
    for (const left of remembered(`${name}:`)) {
      this.waiting.push(...(recall<Waiting[]>(`${name}:${left}`) ?? []));
      remember(`${name}:${left}`, null);
    }
  }

  private keep(): void { remember(this.place, this.waiting.length === 0 ? null : this.waiting); }

  // Those at the front that one client has given.
  private portion(): { client: string; events: Event[] } {
    const client = this.waiting[0]?.client ?? this.client;
    const end = this.waiting.findIndex((one) => one.client !== client);
    const given = this.waiting.slice(0, Math.min(MOST, end < 0 ? MOST : end));
    return { client, events: given.map(({ sequence, item, answer, round }) => ({ sequence, item, answer, round })) };
  }

  private send(): Promise<void> {
    this.sending ??= this.sendAll().finally(() => { this.sending = undefined; });
    return this.sending;
  }

  private async sendAll(): Promise<void> {
    clearTimeout(this.again);
    while (this.waiting.length > 0 && !this.closed) {
      const { client, events } = this.portion();
      try {
        await call(`api/runs/${this.run}/${this.kind}`, { client, annotator: recall<string>("annotator") ?? "", events });
      } catch (error) {
        if (error instanceof Refused && error.forGood) {
          toast(error.message); // sending them again will not help
          this.refused = true;
        } else {
          const until = error instanceof Refused ? `: ${error.message}` : " until the labeler answers.";
          banner(`${counted(this.waiting.length, "label is", "labels are")} kept in this browser${until}`);
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
