// A page of images that the model believes alike: tap the odd ones out, Enter commits what was on screen.

import { call, Refused } from "../core/api";
import { make } from "../dom";
import { Commits } from "./commit";
import { Frame } from "./frame";
import type { TileData } from "../core/types";
import { items } from "../core/arrays";
import { Tiles } from "./tiles";

const MANY = 24;
type Kind = "lowest" | "highest";

const KINDS: Record<Kind, { untouched: "positive" | "negative"; title: string; word: string }> = {
  lowest: { untouched: "negative", title: "The model says no: untouched means no", word: "Likely no" },
  highest: { untouched: "positive", title: "The model says yes: untouched means yes", word: "Likely yes" },
};

export class GridPage {
  private readonly frame: Frame;
  private readonly commits: Commits;
  private readonly words: HTMLElement;
  private readonly save: HTMLButtonElement;
  private tiles: Tiles | undefined;

  constructor(private readonly run: string, private kind: Kind = "lowest") {
    this.frame = new Frame(run, "grid", KINDS[kind].title);
    this.commits = new Commits(run);
    this.commits.undoButton.addEventListener("click", () => this.next());
    this.words = make("p", { class: "words", role: "status" });
    this.save = make("button", { type: "button", class: "main", click: () => this.commit() }, "Commit this page");
    this.frame.bar.append(this.commits.undoButton, this.save);
    this.frame.tools.append(...(Object.entries(KINDS) as [Kind, { word: string }][]).map(([name, { word }]) => make(
      "button", { type: "button", class: "other", "aria-pressed": String(name === kind), click: () => this.turn(name) }, word,
    )));
    this.make();
  }

  private make(): void {
    this.tiles?.close();
    const more = (item: number) => { location.hash = `#/run/${this.run}/seed/${item}`; };
    this.tiles = new Tiles({ untouched: KINDS[this.kind].untouched, enter: () => this.commit(), more });
    this.frame.body.replaceChildren(this.words, this.tiles.element);
    this.next();
  }

  private turn(kind: Kind): void {
    this.kind = kind;
    this.frame.title.textContent = KINDS[kind].title;
    [...this.frame.tools.children].forEach((button, place) => {
      button.setAttribute("aria-pressed", String(Object.keys(KINDS)[place] === kind));
    });
    this.make();
  }

  close(): void {
    this.tiles?.close();
    this.commits.close();
    this.frame.close();
  }

  private async next(): Promise<void> {
    this.save.disabled = true;
    try {
      await this.commits.marker.sending;
      const found = await items(this.run, { label: "none", sort: this.kind });
      const page = Array.from(found.subarray(0, MANY));
      const { tiles } = await call<{ tiles: TileData[] }>(`api/runs/${this.run}/tiles`, { items: page });
      this.tiles?.show(tiles);
      this.save.disabled = tiles.length === 0;
      this.words.textContent = tiles.length > 0
        ? "Tap the odd ones out; Enter commits what you have seen. Shift and click, or press long and draw, for many."
        : "Every image has a label.";
    } catch (error) {
      this.words.textContent = error instanceof Refused ? error.message : "The labeler does not answer; try again.";
    }
  }

  private async commit(): Promise<void> {
    const answers = this.tiles?.answers() ?? [];
    if (this.save.disabled || answers.length === 0) return;
    this.save.disabled = true;
    await this.commits.put(answers);
    await this.next();
  }
}
