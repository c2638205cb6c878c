// A page of answers at once, and taking whole pages back, as often as one likes. This browser remembers them: a reload ends nothing.

import { call } from "../core/api";
import { recall, remember } from "../core/memory";
import { toast } from "../core/notices";
import { counted } from "../core/words";
import type { Answer, Mark, TileData } from "../core/types";
import { Marker } from "./marker";

const MOST = 50; // pages that are remembered
const CODES: Record<Answer, number> = { positive: 1, negative: 2, unsure: 3 }; // of labels on tiles

interface Page { answers: { item: number; answer: Answer }[]; round: number }

export class Commits {
  readonly marker: Marker;
  private readonly place: string;
  private pages: Page[]; // where storage is blocked, those of this load

  // kind: pages of one kind are taken back among themselves.
  constructor(private readonly run: string, kind: string) {
    this.marker = new Marker(run);
    this.place = `pages:${run}:${kind}:${recall<string>("annotator") ?? ""}`;
    this.pages = recall<Page[]>(this.place) ?? [];
  }

  // How many can be taken back.
  get many(): number { return this.pages.length; }

  close(): void {
    this.marker.close();
  }

  async put(answers: Page["answers"]): Promise<void> {
    let round = 0;
    try {
      ({ round } = await call<{ round: number }>(`api/runs/${this.run}/loop`));
    } catch { /* without a loop the labels belong to the seed set */ }
    this.keep([...this.known(), { answers, round }]);
    await this.marker.add(answers, round);
    const yes = answers.filter(({ answer }) => answer === "positive").length;
    toast(`${counted(answers.length, "label")}: ${yes} yes, ${answers.length - yes} no`);
  }

  async undo(): Promise<void> {
    const pages = this.known();
    const page = pages.pop();
    this.keep(pages);
    if (page === undefined) return;
    const standing = await this.standing(page);
    await this.marker.add(standing.map(({ item }): Mark => ({ item, answer: "retracted" })), page.round);
    const others = page.answers.length - standing.length;
    toast(`${counted(standing.length, "label")} taken back${others > 0 ? `; ${others} had changed since, and stay` : ""}`);
  }

  // Those of its answers that nobody has changed since; all of them where nobody can say, and while they are on their way.
  private async standing({ answers }: Page): Promise<Page["answers"]> {
    await this.marker.sending;
    if (this.marker.waits) return answers;
    try {
      const items = answers.map(({ item }) => item);
      const { tiles } = await call<{ tiles: TileData[] }>(`api/runs/${this.run}/tiles`, { items });
      const labels = new Map(tiles.map(({ item, label }) => [item, label]));
      return answers.filter(({ item, answer }) => labels.get(item) === CODES[answer]);
    } catch {
      return answers;
    }
  }

  // With those of other tabs.
  private known(): Page[] { return recall<Page[]>(this.place) ?? this.pages; }

  private keep(pages: Page[]): void {
    this.pages = pages.slice(-MOST);
    remember(this.place, this.pages.length === 0 ? null : this.pages);
  }
}
