// A grid of images of which the odd ones are tapped: by tap, Shift-click, long press and drag, or keys.

import { make } from "../dom";
import type { Answer, TileData } from "../core/types";
import { type Book, onTwice } from "./large";

const LONG_MS = 350;
type Side = "positive" | "negative";

const WORDS: Record<Side, [string, string]> = { positive: ["✓", "yes"], negative: ["✕", "no"] };
const OTHER: Record<Side, Side> = { positive: "negative", negative: "positive" };

interface Tile {
  item: number;
  name: string;
  picture: HTMLImageElement;
  mark: HTMLElement;
  button: HTMLButtonElement;
  odd: boolean;
  unreadable: boolean;
}

interface Options {
  untouched: Side;
  enter: () => void;
  look: (place: number) => void;
  more: (item: number) => void;
}

export class Tiles {
  readonly element = make("div", { class: "tiles", role: "group", "aria-label": "Images: tap the odd ones out" });
  private readonly untouched: Side;
  private readonly watch: IntersectionObserver;
  private tiles: Tile[] = [];
  private readonly seen = new Set<Element>();
  private last = 0;
  private held = false;
  private press: number | undefined;
  private painting: boolean | undefined;

  // untouched: what an image means that nobody taps; enter, look, more: what the keys Enter, O and M do.
  constructor({ untouched, enter, look, more }: Options) {
    this.untouched = untouched;
    this.element.addEventListener("keydown", (event) => this.key(event, { enter, look, more }));
    onTwice(this.element, (tile) => look(this.tiles.findIndex(({ button }) => button === tile)));
    this.element.addEventListener("touchmove", (event) => this.drag(event), { passive: false });
    for (const end of ["touchend", "touchcancel"] as const) this.element.addEventListener(end, () => this.lift());
    this.watch = new IntersectionObserver((entries) => {
      for (const entry of entries) if (entry.isIntersecting) this.seen.add(entry.target);
    }, { threshold: 0.5 });
  }

  close(): void {
    this.watch.disconnect();
  }

  show(tiles: TileData[]): void {
    this.watch.disconnect();
    this.seen.clear();
    this.tiles = tiles.map((tile, place) => this.tile(tile, place));
    this.element.replaceChildren(...this.tiles.map((tile) => tile.button));
    for (const { button } of this.tiles) this.watch.observe(button);
    // Whoever is about to press Enter on the way to another page must not commit this one.
    if (document.activeElement?.closest(".view > header") == null) this.tiles[0]?.button.focus({ preventScroll: true });
  }

  private tile({ item, name, image }: TileData, place: number): Tile {
    const picture = make("img", { src: image, alt: "", draggable: "false", loading: "lazy" });
    const mark = make("i", { "aria-hidden": "true" });
    const button = make("button", { type: "button", title: name }, picture, mark);
    const tile = { item, name, picture, mark, button, odd: false, unreadable: false };
    picture.addEventListener("error", () => { tile.unreadable = true; button.classList.add("unreadable"); });
    button.addEventListener("click", (event) => this.click(place, event.shiftKey));
    button.addEventListener("touchstart", () => { this.press = window.setTimeout(() => this.hold(place), LONG_MS); }, { passive: true });
    button.addEventListener("contextmenu", (event) => event.preventDefault());
    this.draw(tile);
    return tile;
  }

  private draw(tile: Tile): void {
    const answer = tile.odd ? OTHER[this.untouched] : this.untouched;
    tile.mark.textContent = WORDS[answer][0];
    tile.button.className = `tile ${answer}${tile.odd ? " odd" : ""}${tile.unreadable ? " unreadable" : ""}`;
    tile.button.setAttribute("aria-pressed", String(tile.odd));
    tile.button.setAttribute("aria-label", `${tile.name}: ${WORDS[answer][1]}`);
  }

  private set(place: number, odd: boolean): void {
    const tile = this.tiles[place];
    if (tile === undefined || tile.odd === odd) return;
    tile.odd = odd;
    this.draw(tile);
  }

  private click(place: number, range: boolean): void {
    if (this.held) { // the tap that ends a long press
      this.held = false;
      return;
    }
    const odd = range ? this.tiles[this.last]?.odd === true : this.tiles[place]?.odd !== true;
    const [from, to] = range ? [Math.min(this.last, place), Math.max(this.last, place)] : [place, place];
    for (let at = from; at <= to; at += 1) this.set(at, odd);
    this.last = place;
  }

  private hold(place: number): void {
    this.painting = this.tiles[place]?.odd !== true;
    this.held = true;
    this.set(place, this.painting);
  }

  private drag(event: TouchEvent): void {
    if (this.painting === undefined) {
      clearTimeout(this.press); // it scrolls
      return;
    }
    event.preventDefault();
    const touch = event.touches[0];
    if (touch === undefined) return;
    const { clientX, clientY } = touch;
    const under = document.elementFromPoint(clientX, clientY)?.closest(".tile");
    this.set(this.tiles.findIndex((tile) => tile.button === under), this.painting);
  }

  private lift(): void {
    clearTimeout(this.press);
    this.painting = undefined;
    setTimeout(() => { this.held = false; }, 50);
  }

  private key(event: KeyboardEvent, { enter, look, more }: Omit<Options, "untouched">): void {
    const place = this.tiles.findIndex((tile) => tile.button === document.activeElement);
    const tile = this.tiles[place];
    if (tile === undefined || event.ctrlKey || event.metaKey || event.altKey) return;
    const columns = Math.max(1, this.tiles.filter(({ button }) => button.offsetTop === this.tiles[0]?.button.offsetTop).length);
    const step = { ArrowRight: 1, ArrowLeft: -1, ArrowDown: columns, ArrowUp: -columns }[event.key];
    if (step !== undefined) this.tiles[place + step]?.button.focus();
    else if (event.key === "Enter" && !event.repeat) enter();
    else if (event.key.toLowerCase() === "m") more(tile.item);
    else if (event.key.toLowerCase() === "o") look(place);
    else return;
    event.preventDefault();
  }

  // The tile that was touched last.
  get at(): number { return this.last < this.tiles.length ? this.last : 0; }

  // All of them to leaf through, large.
  book(more: (item: number) => void): Book {
    const answer = ({ odd }: Tile): Side => (odd ? OTHER[this.untouched] : this.untouched);
    return {
      many: this.tiles.length,
      item: (place) => this.tiles[place]?.item,
      preview: (place) => this.tiles[place]?.picture.currentSrc || undefined,
      said: (place) => { const tile = this.tiles[place]; return tile === undefined ? "" : WORDS[answer(tile)][1]; },
      answers: ["positive", "negative"],
      say: (place, said) => this.set(place, said !== this.untouched),
      more,
      closed: (place) => { this.tiles[place]?.button.focus(); },
    };
  }

  // Only images that were on screen, and that could be seen there.
  answers(): { item: number; answer: Answer }[] {
    return this.tiles
      .filter(({ button, picture, unreadable }) => this.seen.has(button) && picture.complete && picture.naturalWidth > 0 && !unreadable)
      .map(({ item, odd }) => ({ item, answer: odd ? OTHER[this.untouched] : this.untouched }));
  }
}
