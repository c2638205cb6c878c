// What all pages that look at the whole data set share: a title, the ways to the others, and a body.

import { make } from "../dom.js";

const PAGES = [
  ["label", "Label"], ["seed", "Search"], ["grid", "Grid"], ["browse", "Browse"], ["progress", "Progress"],
];

export class Frame {
  constructor(run, current, title) {
    this.title = make("h1", {}, title);
    this.tools = make("div", { class: "tools" });
    this.body = make("div", { class: "body" });
    this.bar = make("footer", { class: "bar" });
    this.root = make(
      "main", { class: "view", tabindex: "-1" },
      make(
        "header", {}, this.title,
        make("nav", { "aria-label": "Pages" }, ...PAGES.map(([page, word]) => make(
          "a", { href: `#/run/${run}/${page}`, "aria-current": page === current && "page" }, word,
        ))),
      ),
      this.tools, this.body, this.bar,
    );
    this.root.addEventListener("keydown", (event) => event.stopPropagation()); // the swipe page's keys are for its cards
    document.body.prepend(this.root);
    this.root.focus();
  }

  close() {
    this.root.remove();
  }
}
