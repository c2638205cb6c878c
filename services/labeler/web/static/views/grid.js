// A page of images that the model believes alike: tap the odd ones out, Enter commits what was on screen.

import { call, Refused } from "../api.js";
import { make } from "../dom.js";
import { Commits } from "./commit.js";
import { Frame } from "./frame.js";
import { items } from "./items.js";
import { Tiles } from "./tiles.js";

const MANY = 24;
const KINDS = {
  lowest: { untouched: "negative", title: "The model says no: untouched means no", word: "Likely no" },
  highest: { untouched: "positive", title: "The model says yes: untouched means yes", word: "Likely yes" },
};

export class GridPage {
  constructor(run, kind = "lowest") {
    this.run = run;
    this.kind = kind;
    this.frame = new Frame(run, "grid", KINDS[kind].title);
    this.commits = new Commits(run);
    this.commits.undoButton.addEventListener("click", () => this.next());
    this.words = make("p", { class: "words", role: "status" });
    this.save = make("button", { type: "button", class: "main", click: () => this.commit() }, "Commit this page");
    this.frame.bar.append(this.commits.undoButton, this.save);
    this.frame.tools.append(...Object.entries(KINDS).map(([name, { word }]) => make(
      "button", { type: "button", class: "other", "aria-pressed": String(name === kind), click: () => this.turn(name) }, word,
    )));
    this.make();
  }

  make() {
    this.tiles?.close();
    const more = (item) => { location.hash = `#/run/${this.run}/seed/${item}`; };
    this.tiles = new Tiles({ untouched: KINDS[this.kind].untouched, enter: () => this.commit(), more });
    this.frame.body.replaceChildren(this.words, this.tiles.element);
    this.next();
  }

  turn(kind) {
    this.kind = kind;
    this.frame.title.textContent = KINDS[kind].title;
    [...this.frame.tools.children].forEach((button, place) => {
      button.setAttribute("aria-pressed", String(Object.keys(KINDS)[place] === kind));
    });
    this.make();
  }

  close() {
    this.tiles.close();
    this.commits.close();
    this.frame.close();
  }

  async next() {
    this.save.disabled = true;
    try {
      await this.commits.marker.sending;
      const found = await items(this.run, { label: "none", sort: this.kind });
      const page = Array.from(found.subarray(0, MANY));
      const { tiles } = await call(`api/runs/${this.run}/tiles`, { items: page });
      this.tiles.show(tiles);
      this.save.disabled = tiles.length === 0;
      this.words.textContent = tiles.length > 0
        ? "Tap the odd ones out; Enter commits what you have seen. Shift and click, or press long and draw, for many."
        : "Every image has a label.";
    } catch (error) {
      this.words.textContent = error instanceof Refused ? error.message : "The labeler does not answer; try again.";
    }
  }

  async commit() {
    const answers = this.tiles.answers();
    if (this.save.disabled || answers.length === 0) return;
    this.save.disabled = true;
    await this.commits.put(answers);
    await this.next();
  }
}
