// A page of answers at once, and taking whole pages back, as often as one likes.

import { call } from "../api.js";
import { counted, make, toast } from "../dom.js";
import { Marker } from "./marker.js";

export class Commits {
  constructor(run) {
    this.run = run;
    this.marker = new Marker(run);
    this.pages = [];
    this.undoButton = make("button", { type: "button", class: "other", click: () => this.undo(), disabled: true }, "Take the last page back");
  }

  close() {
    this.marker.close();
  }

  async put(answers) {
    let round = 0;
    try {
      ({ round } = await call(`api/runs/${this.run}/loop`));
    } catch { /* without a loop the labels belong to the seed set */ }
    this.pages.push({ answers, round });
    this.undoButton.disabled = false;
    await this.marker.add(answers, round);
    const yes = answers.filter(({ answer }) => answer === "positive").length;
    toast(`${counted(answers.length, "label")}: ${yes} yes, ${answers.length - yes} no`);
  }

  async undo() {
    const page = this.pages.pop();
    this.undoButton.disabled = this.pages.length === 0;
    if (page === undefined) return;
    await this.marker.add(page.answers.map(({ item }) => ({ item, answer: "retracted" })), page.round);
    toast(`${counted(page.answers.length, "label")} taken back`);
  }
}
