// A sheet of images, a million at a time: only the rows on screen are in the document.

import { call } from "../core/api";
import { myName } from "../core/role";
import { make } from "../dom";
import type { Said, TileData } from "../core/types";
import { Large, onTwice } from "./large";
import { Pictures } from "./pictures";

const TALLEST = 8000000; // px; browsers stop scrolling between 17 and 33 million
const STILL_MS = 250; // names and notes can wait for the pictures
const MARKS = ["", "✓", "✕", "?"];
const WORDS = ["no answer", "yes", "no", "unsure"];
const CLASSES = ["none", "positive", "negative", "unsure"];
const KEYS: Record<string, Said> = { y: "positive", n: "negative", u: "unsure", Backspace: "retracted" };

interface Acts {
  answered: (item: number, answer: Said) => void;
  more: ((item: number) => void) | undefined;
}

export class Sheet {
  readonly element: HTMLElement;
  private found: Uint32Array = new Uint32Array();
  private labels: Uint8Array = new Uint8Array();
  private readonly known = new Map<number, TileData>();
  private readonly pictures: Pictures;
  private readonly spacer = make("div", { class: "spacer" });
  private readonly window = make("div", { class: "tiles window", role: "group", "aria-label": "Images" });
  private readonly shows = new WeakMap<HTMLImageElement, string | undefined>(); // read back from the element, an address is a copy
  private readonly measure = new ResizeObserver(() => this.lay());
  private large: Large | undefined;
  private still: number | undefined;
  private frameAsked: number | undefined;
  private chosen: number | undefined;
  private drawn: number | undefined;
  private columns = 2;
  private rows = 0;
  private edge = 150;
  private height = 0;

  // answered, more: what happens once the chosen image gets an answer, and when others like it are wanted.
  constructor(private readonly run: string, private readonly acts: Acts) {
    this.pictures = new Pictures(run, (item) => this.arrived(item));
    this.element = make("div", { class: "scroller", tabindex: "0", "aria-label": "All images, scroll" }, this.spacer, this.window);
    this.element.addEventListener("scroll", () => this.scrolled(), { passive: true });
    this.window.addEventListener("keydown", (event) => this.key(event));
    onTwice(this.window, (tile) => this.look(placeOf(tile)));
    this.window.addEventListener("focusin", (event) => this.choose(placeOf(event.target as HTMLElement)));
  }

  // Once it is in the document.
  start(): void {
    this.measure.observe(this.element);
  }

  close(): void {
    window.clearTimeout(this.still);
    if (this.frameAsked !== undefined) cancelAnimationFrame(this.frameAsked);
    this.measure.disconnect();
    this.pictures.close();
    this.large?.close();
  }

  // found: images in order; labels: of all images.
  show(found: Uint32Array, labels: Uint8Array): void {
    [this.found, this.labels] = [found, labels];
    this.chosen = undefined;
    this.element.scrollTop = 0;
    this.lay();
  }

  // How many columns and rows there are, and how high they would be; a higher one is mapped to what browsers can scroll.
  private lay(): void {
    const width = this.element.clientWidth;
    this.columns = Math.max(2, Math.floor(width / (width < 600 ? 110 : 150)));
    this.edge = width / this.columns;
    this.rows = Math.ceil(this.found.length / this.columns);
    this.height = Math.min(TALLEST, this.rows * this.edge);
    this.spacer.style.height = `${this.height}px`;
    this.window.style.gridTemplateColumns = `repeat(${this.columns}, 1fr)`;
    this.draw(true);
  }

  private scrolled(): void {
    this.frameAsked ??= requestAnimationFrame(() => {
      this.frameAsked = undefined;
      this.draw(false);
    });
  }

  private firstRow(): number {
    const room = this.height - this.element.clientHeight;
    const hidden = this.rows - this.element.clientHeight / this.edge;
    return room <= 0 ? 0 : Math.max(0, Math.floor((this.element.scrollTop / room) * hidden));
  }

  private draw(anew: boolean): void {
    const first = this.firstRow();
    this.window.style.transform = `translateY(${this.element.scrollTop - this.offset(first)}px)`;
    if (!anew && first === this.drawn) return;
    const down = this.drawn === undefined || first >= this.drawn;
    this.drawn = first;
    const count = (Math.ceil(this.element.clientHeight / this.edge) + 2) * this.columns;
    const places = this.places(first * this.columns, count);
    while (this.window.children.length > places.length) this.window.lastChild?.remove();
    while (this.window.children.length < places.length) this.window.append(blank());
    places.forEach((place, at) => this.fill(this.window.children[at] as HTMLElement, place));
    const items = this.items(places);
    this.pictures.want(items, this.items(this.places(first * this.columns + (down ? count : -count), count)));
    window.clearTimeout(this.still);
    this.still = window.setTimeout(() => this.fetch(items), STILL_MS);
  }

  // Those of so many places from one on that there are.
  private places(from: number, count: number): number[] {
    const first = Math.max(0, from);
    return Array.from({ length: Math.max(0, Math.min(this.found.length, from + count) - first) }, (_, at) => first + at);
  }

  private items(places: number[]): number[] { return places.map((place) => this.found[place] ?? 0); }

  // How much of the first row has been scrolled past.
  private offset(first: number): number {
    const room = this.height - this.element.clientHeight;
    const hidden = this.rows - this.element.clientHeight / this.edge;
    return room <= 0 ? 0 : ((this.element.scrollTop / room) * hidden - first) * this.edge;
  }

  private fill(tile: HTMLElement, place: number): void {
    const item = this.found[place] ?? 0;
    const label = this.labels[item] ?? 0;
    const known = this.known.get(item);
    const chosen = place === this.chosen ? " chosen" : "";
    tile.className = `tile ${CLASSES[label]}${chosen}`;
    tile.dataset["place"] = String(place);
    (tile.lastChild as HTMLElement).textContent = MARKS[label] ?? "";
    tile.setAttribute("aria-label", `${known?.name ?? `image ${item}`}: ${WORDS[label]}`);
    tile.classList.toggle("noted", known?.notes !== undefined);
    const reason = this.pictures.reason(item);
    tile.classList.toggle("unreadable", reason !== undefined);
    tile.title = [known?.name ?? "", ...(known?.notes ?? []), ...(reason === undefined ? [] : [reason])].join("\n");
    this.picture(tile, item);
  }

  private picture(tile: HTMLElement, item: number): void {
    const picture = tile.firstChild as HTMLImageElement;
    const address = this.pictures.address(item);
    if (this.shows.get(picture) === address) return;
    this.shows.set(picture, address);
    if (address === undefined) picture.removeAttribute("src");
    else picture.src = address;
  }

  private arrived(item: number): void {
    const readable = this.pictures.address(item) !== undefined;
    for (const tile of this.shown()) {
      const place = placeOf(tile);
      if (this.found[place] !== item) continue;
      if (readable) this.picture(tile, item);
      else this.fill(tile, place);
    }
  }

  private async fetch(wanted: number[]): Promise<void> {
    const unknown = wanted.filter((item) => !this.known.has(item));
    if (unknown.length > 0) {
      try {
        const { tiles } = await call<{ tiles: TileData[] }>(`api/runs/${this.run}/tiles`, { items: unknown.slice(0, 500), annotator: myName() });
        if (this.known.size > 5000) this.known.clear();
        for (const tile of tiles) this.known.set(tile.item, tile);
      } catch {
        return; // the next scrolling asks again
      }
    }
    for (const tile of this.shown()) this.fill(tile, placeOf(tile));
  }

  private shown(): HTMLElement[] { return [...this.window.children] as HTMLElement[]; }

  private choose(place: number): void {
    if (!Number.isInteger(place)) return;
    this.chosen = place;
    for (const tile of this.shown()) tile.classList.toggle("chosen", placeOf(tile) === place);
  }

  get hasChosen(): boolean { return this.chosen !== undefined && this.chosen < this.found.length; }

  // An answer about the chosen image, or another.
  say(answer: Said, place = this.chosen): void {
    const item = place === undefined ? undefined : this.found[place];
    if (place === undefined || item === undefined) return;
    this.labels[item] = Math.max(0, CLASSES.indexOf(answer));
    for (const tile of this.shown()) if (placeOf(tile) === place) this.fill(tile, place);
    this.acts.answered(item, answer);
  }

  more(): void {
    const item = this.chosen === undefined ? undefined : this.found[this.chosen];
    if (item !== undefined) this.acts.more?.(item);
  }

  // The chosen image, or another, large.
  look(place = this.chosen): void {
    if (place === undefined || this.found[place] === undefined) return;
    this.large = new Large(this.run, {
      many: this.found.length,
      item: (at) => this.found[at],
      preview: (at) => this.pictures.address(this.found[at] ?? 0),
      said: (at) => WORDS[this.labels[this.found[at] ?? 0] ?? 0] ?? "",
      answers: ["positive", "negative", "unsure", "retracted"],
      say: (at, answer) => this.say(answer, at),
      more: this.acts.more,
      closed: (at) => { if (this.element.isConnected) this.go(at); },
    }, place);
  }

  private key(event: KeyboardEvent): void {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    this.choose(placeOf(event.target as HTMLElement)); // one that keeps the focus while other images are found is chosen by nobody
    const step = { ArrowRight: 1, ArrowLeft: -1, ArrowDown: this.columns, ArrowUp: -this.columns }[event.key];
    const answer = KEYS[event.key.length === 1 ? event.key.toLowerCase() : event.key];
    if (step !== undefined) this.go((this.chosen ?? 0) + step);
    else if (answer !== undefined) this.say(answer);
    else if (event.key.toLowerCase() === "m") this.more();
    else if (event.key.toLowerCase() === "o" || event.key === "Enter") {
      if (!event.repeat) this.look();
    }
    else return;
    event.preventDefault();
  }

  private go(place: number): void {
    if (!(place >= 0 && place < this.found.length)) return;
    const row = Math.floor(place / this.columns);
    const visible = Math.floor(this.element.clientHeight / this.edge);
    const first = this.firstRow();
    if (row <= first || row >= first + visible) {
      const room = this.height - this.element.clientHeight;
      const hidden = Math.max(1, this.rows - this.element.clientHeight / this.edge);
      const wanted = row <= first ? row : row - visible + 1;
      this.element.scrollTop = Math.min(room, (wanted / hidden) * room);
      this.draw(true);
    }
    this.shown().find((tile) => placeOf(tile) === place)?.focus({ preventScroll: true });
  }
}

const placeOf = (tile: HTMLElement): number => Number(tile.dataset["place"]);

function blank(): HTMLElement {
  const picture = make("img", { alt: "", draggable: "false" });
  return make("button", { type: "button", class: "tile" }, picture, make("i", { "aria-hidden": "true" }));
}
