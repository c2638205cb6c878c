// Everything, filtered, a million images at a time: only the rows on screen are in the document.

import { call, Refused } from "../api.js";
import { counted, make } from "../dom.js";
import { Frame } from "./frame.js";
import { items, labels } from "./items.js";
import { Marker } from "./marker.js";

const TALLEST = 8000000; // px; browsers stop scrolling between 17 and 33 million
const STILL_MS = 80;
const MARKS = ["", "✓", "✕", "?"];
const WORDS = ["no answer", "yes", "no", "unsure"];
const CLASSES = ["none", "positive", "negative", "unsure"];
const KEYS = { y: "positive", n: "negative", u: "unsure", Backspace: "retracted" };

export class Browse {
  constructor(run) {
    this.run = run;
    this.frame = new Frame(run, "browse", "All images");
    this.marker = new Marker(run);
    this.found = new Uint32Array();
    this.labels = new Uint8Array();
    this.known = new Map(); // item -> {name, image}
    this.words = make("p", { class: "words", role: "status" });
    this.spacer = make("div", { class: "spacer" });
    this.window = make("div", { class: "tiles window", role: "group", "aria-label": "Images" });
    this.scroller = make("div", { class: "scroller", tabindex: "0", "aria-label": "All images, scroll" }, this.spacer, this.window);
    this.frame.tools.append(...this.filters(), this.words);
    this.frame.body.append(this.scroller);
    this.frame.body.classList.add("fixed");
    this.scroller.addEventListener("scroll", () => this.scrolled(), { passive: true });
    this.window.addEventListener("keydown", (event) => this.key(event));
    this.window.addEventListener("focusin", (event) => this.choose(Number(event.target.dataset.place)));
    this.measure = new ResizeObserver(() => this.lay());
    this.measure.observe(this.scroller);
    this.frame.bar.append(...this.answers());
    this.load();
  }

  close() {
    clearTimeout(this.still);
    this.measure.disconnect();
    this.marker.close();
    this.frame.close();
  }

  filters() {
    const select = (name, word, options) => make(
      "label", {}, word,
      make("select", { name, change: () => this.load() }, ...options.map(([value, text]) => make("option", { value }, text))),
    );
    const bound = (name, word) => make("label", {}, word, make("input", { name, type: "number", min: "0", max: "1", step: "0.05", change: () => this.load() }));
    return [
      select("label", "Label", [["", "any"], ["none", "none"], ["positive", "yes"], ["negative", "no"], ["unsure", "unsure"]]),
      select("sort", "Order", [["item", "as they lie"], ["highest", "likely first"], ["lowest", "unlikely first"], ["unsure", "doubtful first"]]),
      bound("low", "From"), bound("high", "To"),
      make("label", {}, "By", make("input", { name: "annotator", maxlength: "80", change: () => this.load() })),
      make("label", { class: "check" }, make("input", { name: "disagreement", type: "checkbox", change: () => this.load() }), "people disagree"),
    ];
  }

  answers() {
    const act = (answer, text) => make("button", { type: "button", class: `other ${answer}`, click: () => this.answer(answer) }, text);
    const more = make("button", { type: "button", class: "other", click: () => this.more() }, "More like this (M)");
    return [act("positive", "✓ Yes (Y)"), act("negative", "✕ No (N)"), act("unsure", "? Unsure (U)"), act("retracted", "No answer (⌫)"), more];
  }

  async load() {
    const filters = {};
    for (const field of this.frame.tools.querySelectorAll("select, input")) {
      filters[field.name] = field.type === "checkbox" ? field.checked : field.value;
    }
    this.words.textContent = "Looking …";
    try {
      await this.marker.sending;
      [this.found, this.labels] = await Promise.all([items(this.run, filters), labels(this.run)]);
      this.words.textContent = counted(this.found.length, "image");
    } catch (error) {
      this.words.textContent = error instanceof Refused ? error.message : "The labeler does not answer; try again.";
      return;
    }
    this.chosen = undefined;
    this.scroller.scrollTop = 0;
    this.lay();
  }

  // How many columns and rows there are, and how high they would be; a higher one is mapped to what browsers can scroll.
  lay() {
    const width = this.scroller.clientWidth;
    this.columns = Math.max(2, Math.floor(width / (width < 600 ? 110 : 150)));
    this.edge = width / this.columns;
    this.rows = Math.ceil(this.found.length / this.columns);
    this.height = Math.min(TALLEST, this.rows * this.edge);
    this.spacer.style.height = `${this.height}px`;
    this.window.style.gridTemplateColumns = `repeat(${this.columns}, 1fr)`;
    this.draw(true);
  }

  scrolled() {
    this.frameAsked ??= requestAnimationFrame(() => {
      this.frameAsked = undefined;
      this.draw(false);
    });
  }

  firstRow() {
    const room = this.height - this.scroller.clientHeight;
    const hidden = this.rows - this.scroller.clientHeight / this.edge;
    return room <= 0 ? 0 : Math.max(0, Math.floor((this.scroller.scrollTop / room) * hidden));
  }

  draw(anew) {
    const first = this.firstRow();
    this.window.style.transform = `translateY(${this.scroller.scrollTop - this.offset(first)}px)`;
    if (!anew && first === this.drawn) return;
    this.drawn = first;
    const count = (Math.ceil(this.scroller.clientHeight / this.edge) + 2) * this.columns;
    const places = [];
    for (let place = first * this.columns; place < Math.min(this.found.length, first * this.columns + count); place += 1) places.push(place);
    while (this.window.children.length > places.length) this.window.lastChild.remove();
    while (this.window.children.length < places.length) this.window.append(blank());
    places.forEach((place, at) => this.fill(this.window.children[at], place));
    clearTimeout(this.still);
    this.still = setTimeout(() => this.fetch(places.map((place) => this.found[place])), STILL_MS);
  }

  // How much of the first row has been scrolled past.
  offset(first) {
    const room = this.height - this.scroller.clientHeight;
    const hidden = this.rows - this.scroller.clientHeight / this.edge;
    return room <= 0 ? 0 : ((this.scroller.scrollTop / room) * hidden - first) * this.edge;
  }

  fill(tile, place) {
    const item = this.found[place];
    const label = this.labels[item];
    const known = this.known.get(item);
    const chosen = place === this.chosen ? " chosen" : "";
    tile.className = `tile ${CLASSES[label]}${chosen}`;
    tile.dataset.place = place;
    tile.lastChild.textContent = MARKS[label];
    tile.setAttribute("aria-label", `${known?.name ?? `image ${item}`}: ${WORDS[label]}`);
    tile.title = known?.name ?? "";
    const picture = tile.firstChild;
    if (known !== undefined && picture.getAttribute("src") !== known.image) picture.src = known.image;
    else if (known === undefined) picture.removeAttribute("src");
  }

  async fetch(wanted) {
    const unknown = wanted.filter((item) => !this.known.has(item));
    if (unknown.length > 0) {
      try {
        const { tiles } = await call(`api/runs/${this.run}/tiles`, { items: unknown.slice(0, 500) });
        if (this.known.size > 5000) this.known.clear();
        for (const tile of tiles) this.known.set(tile.item, tile);
      } catch {
        return; // the next scrolling asks again
      }
    }
    for (const tile of this.window.children) this.fill(tile, Number(tile.dataset.place));
  }

  choose(place) {
    if (!Number.isInteger(place)) return;
    this.chosen = place;
    for (const tile of this.window.children) tile.classList.toggle("chosen", Number(tile.dataset.place) === place);
  }

  async answer(answer) {
    const item = this.found[this.chosen];
    if (item === undefined) return;
    this.labels[item] = Math.max(0, CLASSES.indexOf(answer));
    for (const tile of this.window.children) if (Number(tile.dataset.place) === this.chosen) this.fill(tile, this.chosen);
    await this.marker.add([{ item, answer }], 0);
  }

  more() {
    if (this.chosen !== undefined) location.hash = `#/run/${this.run}/seed/${this.found[this.chosen]}`;
  }

  key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const step = { ArrowRight: 1, ArrowLeft: -1, ArrowDown: this.columns, ArrowUp: -this.columns }[event.key];
    const answer = KEYS[event.key.length === 1 ? event.key.toLowerCase() : event.key];
    if (step !== undefined) this.go(this.chosen + step);
    else if (answer !== undefined) this.answer(answer);
    else if (event.key.toLowerCase() === "m") this.more();
    else return;
    event.preventDefault();
  }

  go(place) {
    if (!(place >= 0 && place < this.found.length)) return;
    const row = Math.floor(place / this.columns);
    const visible = Math.floor(this.scroller.clientHeight / this.edge);
    const first = this.firstRow();
    if (row <= first || row >= first + visible) {
      const room = this.height - this.scroller.clientHeight;
      const hidden = Math.max(1, this.rows - this.scroller.clientHeight / this.edge);
      const wanted = row <= first ? row : row - visible + 1;
      this.scroller.scrollTop = Math.min(room, (wanted / hidden) * room);
      this.draw(true);
    }
    [...this.window.children].find((tile) => Number(tile.dataset.place) === place)?.focus({ preventScroll: true });
  }
}

function blank() {
  const picture = make("img", { alt: "", draggable: "false" });
  return make("button", { type: "button", class: "tile" }, picture, make("i", { "aria-hidden": "true" }));
}
