// Flags and notes on their way: kept in this browser, and sent again, until the labeler has them. Saying one twice says no more.

import { call, Refused } from "./api";
import { recall, remember, remembered } from "./memory";

const AGAIN_MS = 4000;

export interface Remark {
  item: number;
  annotator: string;
  flag: boolean;
  note: string;
}

export class Remarks {
  private readonly place: string;
  private waiting: Remark[] = [];
  private sending = false;
  private again: number | undefined;

  // client: of this load of the page; refused: why the labeler will never take one.
  constructor(private readonly run: string, client: string, private readonly refused: (sentence: string) => void) {
    this.place = `remarks:${run}:${client}`;
    for (const left of remembered(`remarks:${run}:`)) { // by other loads of this page
      const name = `remarks:${run}:${left}`;
      this.waiting.push(...(recall<Remark[]>(name) ?? []));
      remember(name, null);
    }
    this.keep();
    void this.send();
  }

  close(): void { window.clearTimeout(this.again); }

  // Whether the labeler has it by now; if not, it will.
  async add(remark: Remark): Promise<boolean> {
    this.waiting.push(remark);
    this.keep();
    await this.send();
    return !this.waiting.includes(remark);
  }

  private keep(): void { remember(this.place, this.waiting.length === 0 ? null : this.waiting); }

  async send(): Promise<void> {
    if (this.sending) return;
    this.sending = true;
    window.clearTimeout(this.again);
    for (let first = this.waiting[0]; first !== undefined; first = this.waiting[0]) {
      try {
        await call(`api/runs/${this.run}/remarks`, first);
      } catch (error) {
        if (!(error instanceof Refused && error.forGood)) {
          this.again = window.setTimeout(() => void this.send(), AGAIN_MS);
          break;
        }
        this.refused(error.message);
      }
      this.waiting.shift();
      this.keep();
    }
    this.sending = false;
  }
}
