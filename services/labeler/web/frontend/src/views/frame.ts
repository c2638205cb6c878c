// What all pages that look at the whole data set share: a title, the ways to the others, and a body.

import { make } from "../dom";
import { PAGES } from "../pages/rail";

export class Frame {
  readonly title = make("h1", {});
  readonly tools = make("div", { class: "tools" });
  readonly body = make("div", { class: "body" });
  readonly bar = make("footer", { class: "bar" });
  private readonly root: HTMLElement;

  constructor(run: string, current: string, title: string) {
    this.title.textContent = title;
    this.root = make(
      "main", { class: "view", tabindex: "-1" },
      make(
        "header", {}, this.title,
        make("nav", { "aria-label": "Pages" }, ...PAGES.map(({ name: page, word, admin }) => make(
          "a", { href: `#/run/${run}/${page}`, class: admin === true && "admin", "aria-current": page === current && "page" }, word,
        ))),
      ),
      this.tools, this.body, this.bar,
    );
    this.root.addEventListener("keydown", (event) => event.stopPropagation()); // the swipe page's keys are for its cards
    document.body.prepend(this.root);
    this.root.focus();
    this.root.querySelector("[aria-current]")?.scrollIntoView({ block: "nearest", inline: "center" });
  }

  close(): void {
    this.root.remove();
  }
}
