// All pixels of a large image: the pieces of it that are in view, over its full picture, which is scaled down to 4,096.

import { call } from "../core/api";
import { hurry } from "../core/picture";
import { MOST, type Zoom } from "./zoom";

const SHOWN = 4096; // px of the longer side that a full picture has at most; see services/labeler/pictures/pyramid.py
const PAUSE_MS = 80; // between two looks at what is in view, while it moves
const AGAIN_MS = 1000; // after which what did not come is asked for once more; twice as long each time, up to
const SELDOM_MS = 32000;
const KEPT = 120; // pieces, a MiB each, when they are decoded
const LARGEST = 2; // px (of CSS) that a pixel of such an image may have
const SQUARE = 1.99; // px of the screen from which on it is drawn as a square: smoothing would stop at the edges of pieces

// side: px of a piece; levels: of pieces, each with half the pixels of the one before; 0: the full picture is all there is.
interface Size { width: number; height: number; side: number; levels: number }

class Piece {
  readonly image = new Image();
  there = false;
  private given = false;
  private quit: () => void = () => {};
  private readonly over = new Promise<void>((resolve) => { this.quit = resolve; }); // the browser never tells of what is broken off

  // x, y: of its upper left in the image; came(piece): it is there, or it is not to be had.
  constructor(
    private readonly url: string, readonly level: number, readonly look: string,
    private readonly x: number, private readonly y: number, private readonly came: (piece: Piece) => void,
  ) {
    this.image.alt = "";
  }

  isWanted(): boolean { return !this.given; }

  async load(): Promise<void> {
    this.image.src = this.url;
    try {
      await Promise.race([this.image.decode(), this.over]);
    } catch {
      if (!this.given) this.came(this);
      return;
    }
    if (this.given) return;
    const { naturalWidth, naturalHeight, style } = this.image;
    const scale = 2 ** this.level;
    [style.left, style.top, style.width, style.height] = [this.x, this.y, naturalWidth * scale, naturalHeight * scale].map((px) => `${px}px`) as [string, string, string, string];
    this.there = true;
    this.came(this);
  }

  // Nobody looks at it any more.
  give(): void {
    this.given = true;
    this.quit();
    this.image.remove();
    if (!this.there) this.image.removeAttribute("src");
  }
}

export class Detail {
  private readonly layer = document.createElement("div");
  private readonly pieces = new Map<string, Piece>(); // by place and look, the ones that were wanted last at the end
  private view = new Set<string>(); // those that are in sight
  private image = ""; // the address of the image
  private version = "";
  private look = "";
  private size: Size | null = null;
  private asking = false;
  private timer: number | undefined;
  private later: number | undefined;
  private patience = AGAIN_MS;

  constructor(private readonly stage: HTMLElement, private readonly zoom: Zoom) {
    this.layer.className = "pieces";
    this.layer.ariaHidden = "true";
    new ResizeObserver(() => this.move()).observe(stage);
  }

  // The full picture of an image has come; address: of any picture of it.
  found(address: string, picture: HTMLImageElement): void {
    const [, image, version] = /^([^?]*)\?(v=[^&]*)/.exec(address) ?? [];
    if (image === undefined || version === undefined || Math.max(picture.naturalWidth, picture.naturalHeight) < SHOWN) return;
    if (image !== this.image) this.leave();
    [this.image, this.version] = [image, version];
    for (const [key, piece] of this.pieces) if (piece.look !== this.look) this.drop(key, piece);
    this.move();
  }

  // Something else is looked at.
  leave(): void {
    this.clear();
    this.image = "";
    this.size = null;
    this.patience = AGAIN_MS;
    this.zoom.most = MOST;
  }

  // How pieces look from now on: what their addresses end with. Others stay until the full picture looks so, too.
  dress(look: string): void {
    this.look = look;
    this.move();
  }

  // The image was enlarged or moved, or the stage is another size.
  move(): void {
    if (this.image === "") return;
    this.place();
    this.timer ??= window.setTimeout(() => {
      this.timer = undefined;
      this.fill();
    }, PAUSE_MS);
  }

  private get figure(): HTMLElement | null { return this.stage.querySelector<HTMLElement>(".card:not(.leaving)"); }

  private async ask(): Promise<void> {
    const { image } = this;
    if (this.asking) return;
    this.asking = true;
    try {
      const size = await call<Size>(`${image}/size?${this.version}`);
      if (image === this.image) this.size = size;
    } catch {
      if (image === this.image) this.again();
    }
    this.asking = false;
    if (this.size !== null || image !== this.image) this.move();
  }

  // Something did not come.
  private again(): void {
    if (this.later !== undefined) return;
    this.later = window.setTimeout(() => {
      this.later = undefined;
      this.move();
    }, this.patience);
    this.patience = Math.min(2 * this.patience, SELDOM_MS);
  }

  // Where a pixel of the image is on the card: k px wide, the first one at x, y. In step with how Zoom draws the picture.
  private at(figure: HTMLElement, { width, height }: Size): { k: number; x: number; y: number } {
    const fit = Math.min(figure.clientWidth / width, figure.clientHeight / height);
    this.zoom.most = Math.max(MOST, LARGEST / fit);
    const k = fit * this.zoom.scale;
    return { k, x: figure.clientWidth / 2 + this.zoom.x - (k * width) / 2, y: figure.clientHeight / 2 + this.zoom.y - (k * height) / 2 };
  }

  // Pieces lie at whole pixels of the image, so that no seam shows, and one transform draws them where they belong.
  private place(): void {
    const { figure, size, layer } = this;
    if (figure === null || size === null || this.pieces.size === 0) return;
    if (layer.parentNode !== figure) figure.append(layer);
    const { k, x, y } = this.at(figure, size);
    layer.style.width = `${size.width}px`;
    layer.style.height = `${size.height}px`;
    layer.classList.toggle("squares", k * devicePixelRatio >= SQUARE);
    layer.style.transform = `matrix(${k}, 0, 0, ${k}, ${x}, ${y})`;
  }

  private fill(): void {
    const { figure, size } = this;
    if (figure === null || this.image === "") return;
    if (size === null) {
      if (this.zoom.on) void this.ask();
      return;
    }
    const wanted = size.levels === 0 ? [] : this.inSight(figure, size);
    if (wanted.length === 0) {
      this.clear();
      return;
    }
    this.view = new Set(wanted.map(([key]) => key));
    for (const [key, piece] of this.pieces) if (!piece.there && !this.view.has(key)) this.drop(key, piece);
    const fresh: Piece[] = [];
    for (const [key, level, column, row] of wanted) {
      const piece = this.pieces.get(key) ?? this.begun(key, level, column, row, size.side * 2 ** level);
      if (!this.pieces.has(key)) fresh.push(piece);
      this.pieces.delete(key); // to the end
      this.pieces.set(key, piece);
    }
    hurry(fresh);
    this.tidy();
  }

  private begun(key: string, level: number, column: number, row: number, step: number): Piece {
    const url = `${this.image}/pieces/${level}/${column}/${row}?${this.version}${this.look}`;
    return new Piece(url, level, this.look, column * step, row * step, (piece) => this.came(key, piece));
  }

  // The pieces under the stage, from its middle outwards; none where the full picture has as many pixels as the screen shows.
  private inSight(figure: HTMLElement, size: Size): [string, number, number, number][] {
    const { k, x, y } = this.at(figure, size);
    const density = k * devicePixelRatio; // px of the screen for one of the image
    if (!this.zoom.on || density <= SHOWN / Math.max(size.width, size.height)) return [];
    const level = Math.min(size.levels - 1, Math.max(0, Math.floor(Math.log2(1 / density))));
    const step = size.side * 2 ** level;
    const { offsetLeft, offsetTop } = figure;
    const columns = places(-offsetLeft - x, this.stage.clientWidth, k, size.width, step);
    const rows = places(-offsetTop - y, this.stage.clientHeight, k, size.height, step);
    const far = ([, , column, row]: [string, number, number, number]): number =>
      Math.hypot((column + 0.5) * step - (this.stage.clientWidth / 2 - offsetLeft - x) / k, (row + 0.5) * step - (this.stage.clientHeight / 2 - offsetTop - y) / k);
    return rows.flatMap((row) => columns.map((column): [string, number, number, number] => [`${level}/${column}/${row}${this.look}`, level, column, row]))
      .sort((one, other) => far(one) - far(other));
  }

  private came(key: string, piece: Piece): void {
    if (!piece.there) {
      this.drop(key, piece);
      this.again();
      return;
    }
    this.patience = AGAIN_MS;
    this.layer.append(piece.image);
    this.place();
    this.tidy();
  }

  // Pieces of other levels and looks stay until all that are in sight are there.
  private tidy(): void {
    const shown = [...this.view].map((key) => this.pieces.get(key));
    if (!shown.every((piece) => piece?.there)) return;
    const level = shown[0]?.level;
    for (const [key, piece] of this.pieces) {
      const isOther = piece.level !== level || piece.look !== this.look;
      if (isOther || (this.pieces.size > KEPT && !this.view.has(key))) this.drop(key, piece);
    }
  }

  private drop(key: string, piece: Piece): void {
    piece.give();
    this.pieces.delete(key);
  }

  private clear(): void {
    for (const [key, piece] of this.pieces) this.drop(key, piece);
    this.view.clear();
    this.layer.remove();
  }
}

// Which columns (or rows) of a level lie between two places of the stage: begin, in px from the image's first pixel, and so many on.
function places(begin: number, length: number, k: number, side: number, step: number): number[] {
  const first = Math.max(0, Math.floor(begin / k / step));
  const last = Math.min(Math.ceil(side / step) - 1, Math.floor((begin + length) / k / step));
  return Array.from({ length: Math.max(0, last - first + 1) }, (_, n) => first + n);
}
