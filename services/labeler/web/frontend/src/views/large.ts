// One image, large: enlarged and moved as on the swipe page, its neighbours an arrow or a swipe away. Escape closes.

import { call } from "../core/api";
import { myName } from "../core/role";
import type { Said, TileData } from "../core/types";
import { make } from "../dom";
import { Detail } from "../label/detail";
import * as swipe from "../label/swipe";
import * as zooming from "../label/zoom";

const LEVELS = "&levels=auto";
const TINY = 128; // px; smaller images show their pixels
const WINDOW = /^(.*)#(\d+),(\d+),(\d+),(\d+)$/; // see services/common/windows.py

const SAID: Record<Said, string> = { positive: "yes", negative: "no", unsure: "unsure", retracted: "no answer" };
const ANSWERS: [Said, string, string][] = [["positive", "✓ Yes", "y"], ["negative", "✕ No", "n"], ["unsure", "? Unsure", "u"], ["retracted", "No answer", "Backspace"]];

// What is leafed through.
export interface Book {
  many: number;
  item: (place: number) => number | undefined;
  preview: (place: number) => string | undefined; // a small picture that is there already
  said: (place: number) => string; // its label, in a word
  answers: Said[]; // that can be given
  say: (place: number, answer: Said) => void;
  more: ((item: number) => void) | undefined; // others like it
  closed: (place: number) => void;
}

export class Large {
  private readonly stage = make("section", { class: "stage", "aria-label": "Image" });
  private readonly figure = make("figure", { class: "card" });
  private readonly image = make("img", { alt: "", draggable: "false" });
  private readonly name = make("h2", { id: "large-name" });
  private readonly facts = make("p", { role: "status" });
  private readonly dialog: HTMLDialogElement;
  private readonly zoom: zooming.Zoom;
  private readonly detail: Detail;
  private readonly buttons = new Map<Said, HTMLElement>();
  private readonly known = new Map<number, TileData>();
  private shows = ""; // the address that is wanted now
  private levels = false;
  private full = false;

  // Opens at a place of the book.
  constructor(private readonly run: string, private readonly book: Book, private place: number) {
    this.figure.append(this.image);
    this.stage.append(this.figure);
    const close = make("button", { type: "button", class: "other", "aria-keyshortcuts": "Escape", click: () => this.close() }, "Close");
    this.dialog = make("dialog", { class: "large", "aria-labelledby": "large-name", keydown: (event: KeyboardEvent) => this.key(event) },
      make("header", {}, make("div", {}, this.name, this.facts), close), this.stage, this.bar());
    this.dialog.addEventListener("close", () => this.ended());
    this.zoom = new zooming.Zoom(this.stage, (scale) => this.zoomed(scale));
    this.detail = new Detail(this.stage, this.zoom);
    zooming.listen(this.stage, this.zoom);
    swipe.listen(this.stage, {
      begins: () => !this.zoom.on,
      moves: (dx) => { this.figure.style.transform = `translateX(${dx}px)`; },
      ends: (way) => this.swiped(way),
    });
    document.body.append(this.dialog);
    this.dialog.showModal();
    close.focus();
    void this.turn(place);
  }

  close(): void { this.dialog.close(); }

  private ended(): void {
    if (!this.dialog.isConnected) return;
    this.dialog.remove();
    this.detail.leave();
    this.shows = "";
    this.book.closed(this.place);
  }

  private bar(): HTMLElement {
    const button = (word: string, keys: string, act: () => void): HTMLElement =>
      make("button", { type: "button", class: "other", "aria-keyshortcuts": keys, click: act }, word);
    const { answers, more } = this.book;
    for (const [answer, word, key] of ANSWERS) if (answers.includes(answer)) this.buttons.set(answer, button(word, key, () => this.say(answer)));
    return make("footer", { class: "bar" },
      button("← Before", "ArrowLeft", () => void this.turn(this.place - 1)),
      ...this.buttons.values(),
      button("Brighten", "L", () => this.brighten()),
      more === undefined ? null : button("More like this", "M", () => this.more()),
      button("Next →", "ArrowRight", () => void this.turn(this.place + 1)));
  }

  private async turn(place: number): Promise<void> {
    const item = this.book.item(place);
    if (item === undefined) {
      this.tell(place < 0 ? "This is the first image" : "This is the last image");
      return;
    }
    this.place = place;
    this.full = false;
    this.detail.leave();
    this.zoom.reset();
    this.shows = "";
    const preview = this.book.preview(place);
    if (preview === undefined) this.image.removeAttribute("src");
    else this.image.src = preview;
    this.describe(item);
    const tile = await this.look(item);
    if (this.place !== place || !this.dialog.open) return;
    this.describe(item);
    if (tile === undefined) return;
    await this.exchange();
    for (const other of [place + 1, place - 1]) void this.prepare(other);
  }

  private describe(item: number): void {
    const said = this.book.said(this.place);
    for (const [answer, button] of this.buttons) button.setAttribute("aria-pressed", String(SAID[answer] === said));
    const known = this.known.get(item);
    const name = known?.name ?? `image ${item}`;
    this.name.textContent = name;
    this.image.alt = `Image: ${name}`;
    const [, scene, x, y, width, height] = WINDOW.exec(name) ?? [];
    this.facts.textContent = [
      `${(this.place + 1).toLocaleString("en")} of ${this.book.many.toLocaleString("en")}`,
      said,
      ...(scene === undefined ? [] : [`in ${scene}: ${x} px from the left, ${y} px from the top, ${width} × ${height} px`]),
      ...(known?.notes ?? []),
    ].join(" · ");
  }

  // Over a dialog nothing else can be shown.
  private tell(words: string): void { this.facts.textContent = words; }

  private async look(item: number): Promise<TileData | undefined> {
    const known = this.known.get(item);
    if (known !== undefined) return known;
    try {
      const { tiles: [tile] } = await call<{ tiles: TileData[] }>(`api/runs/${this.run}/tiles`, { items: [item], annotator: myName() });
      if (tile !== undefined) this.known.set(item, tile);
      return tile;
    } catch (error) {
      this.tell(error instanceof Error ? error.message : String(error));
      return undefined;
    }
  }

  private address(item: number, full: boolean): string {
    return (this.known.get(item)?.image ?? "").replace("&size=tile", full ? "&size=full" : "") + (this.levels ? LEVELS : "");
  }

  private async prepare(place: number): Promise<void> {
    const item = this.book.item(place);
    if (item === undefined || (await this.look(item)) === undefined) return;
    new Image().src = this.address(item, false);
  }

  // The picture as it is wanted now takes the place of what is shown, once it is decoded.
  private async exchange(): Promise<void> {
    const item = this.book.item(this.place);
    const known = item === undefined ? undefined : this.known.get(item);
    if (item === undefined || known === undefined) return;
    const address = this.address(item, this.full);
    if (address === this.shows) return;
    this.shows = address;
    const other = new Image();
    other.src = address;
    try {
      await other.decode();
    } catch {
      if (this.shows === address) await this.explain(address);
      return;
    }
    if (this.shows !== address) return;
    this.image.classList.toggle("tiny", Math.max(other.naturalWidth, other.naturalHeight) < TINY);
    this.image.src = address;
    if (address.includes("size=full")) this.detail.found(known.image, other);
  }

  private async explain(address: string): Promise<void> {
    this.shows = "";
    try {
      const { error } = await (await fetch(address)).json() as { error: string };
      this.tell(error);
    } catch {
      this.tell("The picture did not come; turn back to it to try again");
    }
  }

  private zoomed(scale: number): void {
    this.stage.classList.toggle("zoomed", scale > 1.01);
    this.detail.move();
    if (scale <= 1.01 || this.full) return;
    this.full = true;
    void this.exchange();
  }

  private swiped(way: string | null): void {
    this.figure.style.transform = "";
    if (way === "unsure") this.close(); // downwards
    else if (way !== null) void this.turn(this.place + (way === "negative" ? 1 : -1));
  }

  private say(answer: Said): void {
    const item = this.book.item(this.place);
    if (item === undefined || !this.book.answers.includes(answer)) return;
    this.book.say(this.place, answer);
    this.describe(item);
  }

  private brighten(): void {
    this.levels = !this.levels;
    this.tell(this.levels ? "Brightened: the darkest and the lightest parts are drawn apart" : "As it is");
    this.detail.dress(this.levels ? LEVELS : "");
    void this.exchange();
  }

  private more(): void {
    const item = this.book.item(this.place);
    this.close();
    if (item !== undefined) this.book.more?.(item);
  }

  private key(event: KeyboardEvent): void {
    event.stopPropagation();
    if (event.key === "Enter" && event.repeat) event.preventDefault(); // of the key that opened it
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
    const answer = ANSWERS.find(([, , each]) => each === key)?.[0];
    if (this.zoom.key(event)) { /* it moved */ }
    else if (key === "ArrowRight" || key === "ArrowLeft") void this.turn(this.place + (key === "ArrowRight" ? 1 : -1));
    else if (key === "+" || key === "=") this.zoom.in();
    else if (key === "-") this.zoom.out();
    else if (key === "0") this.zoom.reset();
    else if (answer !== undefined) this.say(answer);
    else if (key === "l") this.brighten();
    else if (key === "m" && this.book.more !== undefined) this.more();
    else return;
    event.preventDefault();
  }
}

const TWICE_MS = 350;

// Two clicks or taps on one tile.
export function onTwice(element: HTMLElement, act: (tile: HTMLElement) => void): void {
  let last: Element | null = null;
  let at = -Infinity;
  element.addEventListener("click", (event) => {
    if (event.detail === 0 || event.shiftKey) return; // a key's
    const tile = (event.target as Element).closest<HTMLElement>(".tile");
    const again = tile !== null && tile === last && event.timeStamp - at < TWICE_MS;
    [last, at] = [again ? null : tile, event.timeStamp];
    if (again) act(tile);
  });
}
