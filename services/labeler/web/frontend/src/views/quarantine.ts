// The images that were set aside because they cannot be read: by name, with the reason.

import { call, Refused } from "../core/api";
import { counted, SILENT } from "../core/words";
import { make } from "../dom";
import { Frame } from "./frame";

const PAGE = 100;

interface Answer {
  total: number;
  kinds: [string, number][];
  images: { item: number; path: string; reason: string }[];
}

export class Quarantine {
  private readonly frame: Frame;
  private readonly words = make("p", { class: "words", role: "status" });
  private readonly kinds = make("p", { class: "words" });
  private readonly rows = make("tbody", {});
  private readonly more: HTMLElement;
  private shown = 0;

  constructor(private readonly run: string) {
    this.frame = new Frame(run, "quarantine", "Set aside");
    const head = make("tr", {}, make("th", { scope: "col" }, "Image"), make("th", { scope: "col" }, "Reason"));
    this.more = make("button", { type: "button", class: "other", click: () => this.load() }, "Show more");
    this.frame.body.append(this.words, this.kinds, make("table", { class: "aside" }, make("thead", {}, head), this.rows));
    void this.load();
  }

  close(): void {
    this.frame.close();
  }

  private async load(): Promise<void> {
    this.more.remove();
    try {
      const { total, kinds, images } = await call<Answer>(`api/runs/${this.run}/quarantine?first=${this.shown}&count=${PAGE}`);
      this.words.textContent = total === 0
        ? "Every image could be read."
        : `${counted(total, "image")} cannot be read and ${total === 1 ? "is" : "are"} left out; quarantine.csv in the runtime folder names all.`;
      this.kinds.textContent = kinds.map(([kind, count]) => `${kind}: ${count.toLocaleString("en")}`).join(" · ");
      for (const { path, reason } of images) this.rows.append(make("tr", {}, make("td", {}, path), make("td", {}, reason)));
      this.shown += images.length;
      if (this.shown < total && images.length > 0) this.frame.bar.append(this.more);
    } catch (error) {
      this.words.textContent = error instanceof Refused ? error.message : SILENT;
    }
  }
}
