// A page of answers at once, and taking whole pages back, as often as one likes.

import { call } from "../core/api";
import { toast } from "../core/notices";
import { counted } from "../core/words";
import type { Mark } from "../core/types";
import { Marker } from "./marker";

export class Commits {
  readonly marker: Marker;
  private readonly pages: { answers: Mark[]; round: number }[] = [];

  constructor(private readonly run: string) {
    this.marker = new Marker(run);
  }

  close(): void {
    this.marker.close();
  }

  async put(answers: Mark[]): Promise<void> {
    let round = 0;
    try {
      ({ round } = await call<{ round: number }>(`api/runs/${this.run}/loop`));
    } catch { /* without a loop the labels belong to the seed set */ }
    this.pages.push({ answers, round });
    await this.marker.add(answers, round);
    const yes = answers.filter(({ answer }) => answer === "positive").length;
    toast(`${counted(answers.length, "label")}: ${yes} yes, ${answers.length - yes} no`);
  }

  async undo(): Promise<void> {
    const page = this.pages.pop();
    if (page === undefined) return;
    await this.marker.add(page.answers.map(({ item }) => ({ item, answer: "retracted" })), page.round);
    toast(`${counted(page.answers.length, "label")} taken back`);
  }
}
