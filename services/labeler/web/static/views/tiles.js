// A grid of images of which the odd ones are tapped: by tap, Shift-click, long press and drag, or keys.

import { make } from "../dom.js";

const LONG_MS = 350;
const WORDS = { positive: ["✓", "yes"], negative: ["✕", "no"] };
const OTHER = { positive: "negative", negative: "positive" };

export class Tiles {
  // untouched: what an image means that nobody taps; enter, more: what the keys Enter and M do.
  constructor({ untouched, enter, more }) {
    this.untouched = untouched;
    this.tiles = [];
    this.seen = new Set();
    this.last = 0;
    this.element = make("div", { class: "tiles", role: "group", "aria-label": "Images: tap the odd ones out" });
    this.element.addEventListener("keydown", (event) => this.key(event, enter, more));
    this.element.addEventListener("touchmove", (event) => this.drag(event), { passive: false });
    for (const end of ["touchend", "touchcancel"]) this.element.addEventListener(end, () => this.lift());
    this.watch = new IntersectionObserver((entries) => {
      for (const entry of entries) if (entry.isIntersecting) this.seen.add(entry.target);
    }, { threshold: 0.5 });
  }

  close() {
    this.watch.disconnect();
  }

  show(tiles) {
    this.watch.disconnect();
    this.seen.clear();
    this.tiles = tiles.map((tile, place) => this.tile(tile, place));
    this.element.replaceChildren(...this.tiles.map((tile) => tile.button));
    for (const { button } of this.tiles) this.watch.observe(button);
    this.tiles[0]?.button.focus({ preventScroll: true });
  }

  tile({ item, name, image }, place) {
    const picture = make("img", { src: image, alt: "", draggable: "false", loading: "lazy" });
    const mark = make("i", { "aria-hidden": "true" });
    const button = make("button", { type: "button", title: name }, picture, mark);
    const tile = { item, name, picture, mark, button, odd: false };
    picture.addEventListener("error", () => { tile.unreadable = true; button.classList.add("unreadable"); });
    button.addEventListener("click", (event) => this.click(place, event.shiftKey));
    button.addEventListener("touchstart", () => { this.press = setTimeout(() => this.hold(place), LONG_MS); }, { passive: true });
    button.addEventListener("contextmenu", (event) => event.preventDefault());
    this.draw(tile);
    return tile;
  }

  draw(tile) {
    const answer = tile.odd ? OTHER[this.untouched] : this.untouched;
    tile.mark.textContent = WORDS[answer][0];
    tile.button.className = `tile ${answer}${tile.odd ? " odd" : ""}${tile.unreadable ? " unreadable" : ""}`;
    tile.button.setAttribute("aria-pressed", String(tile.odd));
    tile.button.setAttribute("aria-label", `${tile.name}: ${WORDS[answer][1]}`);
  }

  set(place, odd) {
    const tile = this.tiles[place];
    if (tile === undefined || tile.odd === odd) return;
    tile.odd = odd;
    this.draw(tile);
  }

  click(place, range) {
    if (this.held) { // the tap that ends a long press
      this.held = false;
      return;
    }
    const odd = range ? this.tiles[this.last].odd : !this.tiles[place].odd;
    const [from, to] = range ? [Math.min(this.last, place), Math.max(this.last, place)] : [place, place];
    for (let at = from; at <= to; at += 1) this.set(at, odd);
    this.last = place;
  }

  hold(place) {
    this.painting = !this.tiles[place].odd;
    this.held = true;
    this.set(place, this.painting);
  }

  drag(event) {
    if (this.painting === undefined) {
      clearTimeout(this.press); // it scrolls
      return;
    }
    event.preventDefault();
    const { clientX, clientY } = event.touches[0];
    const under = document.elementFromPoint(clientX, clientY)?.closest(".tile");
    this.set(this.tiles.findIndex((tile) => tile.button === under), this.painting);
  }

  lift() {
    clearTimeout(this.press);
    this.painting = undefined;
    setTimeout(() => { this.held = false; }, 50);
  }

  key(event, enter, more) {
    const place = this.tiles.findIndex((tile) => tile.button === document.activeElement);
    if (place < 0 || event.ctrlKey || event.metaKey || event.altKey) return;
    const columns = Math.max(1, this.tiles.filter((tile) => tile.button.offsetTop === this.tiles[0].button.offsetTop).length);
    const step = { ArrowRight: 1, ArrowLeft: -1, ArrowDown: columns, ArrowUp: -columns }[event.key];
    if (step !== undefined) this.tiles[place + step]?.button.focus();
    else if (event.key === "Enter" && !event.repeat) enter();
    else if (event.key.toLowerCase() === "m") more(this.tiles[place].item);
    else return;
    event.preventDefault();
  }

  // Only images that were on screen, and that could be seen there.
  answers() {
    return this.tiles
      .filter(({ button, picture, unreadable }) => this.seen.has(button) && picture.complete && picture.naturalWidth > 0 && !unreadable)
      .map(({ item, odd }) => ({ item, answer: odd ? OTHER[this.untouched] : this.untouched }));
  }
}
