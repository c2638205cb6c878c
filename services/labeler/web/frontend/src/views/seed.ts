// Search, and the seed set: a picture, a phrase or an image, its neighbours in a grid, tap the wrong ones, Start.

import { call, Refused } from "../core/api";
import { toast } from "../core/notices";
import { make } from "../dom";
import type { Question, TileData } from "../core/types";
import { Commits } from "./commit";
import { Frame } from "./frame";
import { small } from "./picture";
import { Tiles } from "./tiles";

const MANY = 48;

export class Seed {
  private readonly frame: Frame;
  private readonly commits: Commits;
  private readonly tiles: Tiles;
  private readonly words: HTMLElement;
  private readonly save: HTMLButtonElement;
  private readonly paste: (event: ClipboardEvent) => void;

  constructor(private readonly run: string, item?: number) {
    this.frame = new Frame(run, "seed", "What does it look like?");
    this.commits = new Commits(run);
    this.tiles = new Tiles({ untouched: "positive", enter: () => this.commit(), more: (more) => this.look({ item: more }) });
    this.frame.tools.append(...this.ways());
    this.words = make("p", { class: "words", role: "status" }, "Choose or paste a picture, or type what you look for.");
    this.frame.body.append(this.words, this.tiles.element);
    this.save = make("button", { type: "button", class: "main", click: () => this.commit(), disabled: true }, "Start with these");
    this.frame.bar.append(this.commits.undoButton, this.save);
    this.paste = (event) => {
      const file = [...event.clipboardData?.files ?? []].find(({ type }) => type.startsWith("image/"));
      if (file !== undefined) this.upload(file);
    };
    document.addEventListener("paste", this.paste);
    if (item !== undefined) this.look({ item });
  }

  close(): void {
    document.removeEventListener("paste", this.paste);
    this.tiles.close();
    this.commits.close();
    this.frame.close();
  }

  private ways(): HTMLElement[] {
    const file: HTMLInputElement = make("input", { type: "file", accept: "image/*", change: () => file.files?.[0] && this.upload(file.files[0]) }) as HTMLInputElement;
    const phrase = make("input", { type: "search", maxlength: "300", "aria-label": "What you look for, in words", placeholder: "In words" });
    const submit = (event: Event): void => {
      event.preventDefault();
      if (phrase.value.trim() !== "") this.look({ phrase: phrase.value.trim() });
    };
    return [
      make("label", { class: "other file" }, "Choose a picture", file),
      make("form", { submit, role: "search" }, phrase, make("button", { class: "other" }, "Search")),
    ];
  }

  private async upload(file: File): Promise<void> {
    const picture = await small(file);
    if (picture === null) toast(`This browser cannot show ${file.name}; save it as JPEG or PNG, or start with --reference`);
    else this.look({ picture });
  }

  private async look(query: object): Promise<void> {
    this.words.textContent = "Looking …";
    this.save.disabled = true;
    try {
      const { tiles } = await call<{ tiles: TileData[] }>(`api/runs/${this.run}/search`, { ...query, k: MANY });
      this.tiles.show(tiles);
      this.save.disabled = tiles.length === 0;
      this.words.textContent = "The nearest come first. Untouched means yes: tap those that are wrong."
        + " Only images that you have scrolled past count. M: more like this one.";
    } catch (error) {
      this.words.textContent = error instanceof Refused ? error.message : "The labeler does not answer; try again.";
    }
  }

  private async commit(): Promise<void> {
    const answers = this.tiles.answers();
    if (this.save.disabled || answers.length === 0) return;
    this.save.disabled = true;
    await this.commits.put(answers);
    this.tiles.show([]);
    this.words.textContent = `${answers.length} images have their label. Search again for more, or go on labeling.`;
    await this.start();
  }

  // The loop's question of the seed set is answered: these are enough.
  private async start(): Promise<void> {
    try {
      const { question } = await call<{ question: Question | null }>(`api/runs/${this.run}/loop`);
      if (question === null || !/^seed-\d+\/count$/.test(question.id)) return;
      const { accepted } = await call<{ accepted: boolean }>(`api/runs/${this.run}/loop`, { question: question.id, answer: "0" });
      if (accepted) toast("The loop starts with these images");
    } catch { /* it asks again on the progress page */ }
  }
}
