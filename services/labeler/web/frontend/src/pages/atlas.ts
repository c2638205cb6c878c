// Drawing a million points: one pass over typed arrays into the pixels of a canvas, once a frame.

const NOWHERE = 65535;
const MOST = 65534;
const FEW = 1000000; // points drawn while the map moves; of more than that every second, third ... one
const CLOSEST = 512; // times

// Where the map lies on the canvas: a point is at x * scale + left.
export interface Place { scale: number; left: number; top: number }

export class Atlas {
  place: Place = { scale: 1, left: 0, top: 0 };
  private pixels: ImageData | null = null;
  private words = new Uint32Array();
  private asked = 0;
  private still: number | undefined;

  // points: x and y of each item; classes: its place in the palette; marked: items drawn last and larger.
  constructor(
    private readonly canvas: HTMLCanvasElement, private readonly points: Uint16Array,
    private classes: Uint8Array, private palette: Uint32Array, private marked: Uint32Array,
  ) {}

  close(): void {
    cancelAnimationFrame(this.asked);
    clearTimeout(this.still);
  }

  colour(classes: Uint8Array, palette: Uint32Array, marked: Uint32Array): void {
    [this.classes, this.palette, this.marked] = [classes, palette, marked];
    this.draw();
  }

  // The canvas has the size that it is shown at.
  resize(): void {
    const ratio = Math.min(2, devicePixelRatio || 1);
    const width = Math.max(1, Math.round(this.canvas.clientWidth * ratio));
    const height = Math.max(1, Math.round(this.canvas.clientHeight * ratio));
    if (this.canvas.width === width && this.canvas.height === height && this.pixels !== null) return;
    const [before, dx, dy] = [this.pixels, (width - this.canvas.width) / 2, (height - this.canvas.height) / 2];
    [this.canvas.width, this.canvas.height] = [width, height];
    this.pixels = new ImageData(width, height);
    this.words = new Uint32Array(this.pixels.data.buffer);
    if (before === null) this.whole();
    else this.pan(dx, dy); // what was in the middle stays there
  }

  whole(): void {
    const { width, height } = this.canvas;
    const scale = Math.min(width, height) / MOST;
    this.place = { scale, left: (width - MOST * scale) / 2, top: (height - MOST * scale) / 2 };
    this.draw();
  }

  // By pixels of the canvas.
  pan(dx: number, dy: number): void {
    this.place = { ...this.place, left: this.place.left + dx, top: this.place.top + dy };
    this.draw();
  }

  // What is at (x, y) of the canvas stays there.
  zoom(factor: number, x = this.canvas.width / 2, y = this.canvas.height / 2): void {
    const whole = Math.min(this.canvas.width, this.canvas.height) / MOST;
    const scale = Math.max(whole / 2, Math.min(whole * CLOSEST, this.place.scale * factor));
    const by = scale / this.place.scale;
    this.place = { scale, left: x - (x - this.place.left) * by, top: y - (y - this.place.top) * by };
    this.draw();
  }

  draw(): void {
    clearTimeout(this.still);
    if (this.asked !== 0) return;
    this.asked = requestAnimationFrame(() => {
      this.asked = 0;
      const step = Math.ceil(this.points.length / 2 / FEW);
      this.paint(step);
      if (step > 1) this.still = window.setTimeout(() => this.paint(1), 200);
    });
  }

  private paint(step: number): void {
    const context = this.canvas.getContext("2d");
    if (context === null || this.pixels === null) return;
    this.words.fill(0);
    const count = this.points.length / 2 / step;
    const closer = this.place.scale * MOST / Math.min(this.canvas.width, this.canvas.height);
    const size = count / closer ** 2 > 200000 ? 1 : count / closer ** 2 > 20000 ? 2 : 4;
    this.all(step, size);
    this.some(Math.max(3, size + 1));
    context.putImageData(this.pixels, 0, 0);
  }

  private all(step: number, size: number): void {
    const { points, classes, palette, words } = this;
    const { width, height } = this.canvas;
    const { scale, left, top } = this.place;
    for (let item = 0, at = 0; at < points.length; item += step, at += 2 * step) {
      const x = points[at] as number;
      if (x === NOWHERE) continue;
      const px = (x * scale + left) | 0;
      const py = ((points[at + 1] as number) * scale + top) | 0;
      if (px < 0 || py < 0 || px >= width - size || py >= height - size) continue;
      const colour = palette[classes[item] as number] as number;
      const place = py * width + px;
      if (size === 1) words[place] = colour;
      else for (let row = 0; row < size; row += 1) words.fill(colour, place + row * width, place + row * width + size);
    }
  }

  private some(size: number): void {
    const { points, classes, palette, words } = this;
    const { width, height } = this.canvas;
    const { scale, left, top } = this.place;
    for (const item of this.marked) {
      const px = ((points[2 * item] as number) * scale + left) | 0;
      const py = ((points[2 * item + 1] as number) * scale + top) | 0;
      if (points[2 * item] === NOWHERE || px < 0 || py < 0 || px >= width - size || py >= height - size) continue;
      const colour = palette[classes[item] as number] as number;
      for (let row = 0; row < size; row += 1) words.fill(colour, (py + row) * width + px, (py + row) * width + px + size);
    }
  }

  // The items inside of a line around them, in pixels of the canvas; without a line, all that are in sight.
  inside(line: [number, number][] | null): Uint32Array {
    const { points } = this;
    const { width, height } = this.canvas;
    const { scale, left, top } = this.place;
    const mask = line === null ? null : filled(line, width, height);
    const found = new Uint32Array(points.length / 2);
    let count = 0;
    for (let item = 0, at = 0; at < points.length; item += 1, at += 2) {
      const x = points[at] as number;
      const px = (x * scale + left) | 0;
      const py = ((points[at + 1] as number) * scale + top) | 0;
      if (x === NOWHERE || px < 0 || py < 0 || px >= width || py >= height) continue;
      if (mask === null || (mask[py * width + px] as number) > 0x7fffffff) found[count++] = item;
    }
    return found.slice(0, count);
  }
}

// The pixels inside of a line; one look-up for each point, however long the line is.
function filled(line: [number, number][], width: number, height: number): Uint32Array {
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [width, height];
  const context = canvas.getContext("2d", { willReadFrequently: true });
  if (context === null) return new Uint32Array(width * height);
  context.beginPath();
  for (const [x, y] of line) context.lineTo(x, y);
  context.fill();
  return new Uint32Array(context.getImageData(0, 0, width, height).data.buffer);
}
