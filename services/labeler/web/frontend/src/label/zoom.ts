// A closer look: wheel, two fingers, double tap or keys; one finger moves the image while it is enlarged.

export const MOST = 12;
const STEP = 1.5;
const PAN = 80; // px a key

export class Zoom {
  scale = 1;
  most = MOST;
  x = 0; // of the image's middle from the stage's, px
  y = 0;

  // changed(scale) whenever the image is drawn otherwise.
  constructor(private readonly stage: HTMLElement, private readonly changed: (scale: number) => void) {}

  get on(): boolean { return this.scale > 1.01; }

  reset(): void { this.set(1, 0, 0); }

  // By a factor, about a point of the screen (left out: the middle).
  by(factor: number, clientX?: number, clientY?: number): void {
    const box = this.stage.getBoundingClientRect();
    const px = (clientX ?? box.left + box.width / 2) - box.left - box.width / 2;
    const py = (clientY ?? box.top + box.height / 2) - box.top - box.height / 2;
    const scale = Math.min(this.most, Math.max(1, this.scale * factor));
    const real = scale / this.scale;
    this.set(scale, px - (px - this.x) * real, py - (py - this.y) * real);
  }

  in(): void { this.by(STEP); }
  out(): void { this.by(1 / STEP); }

  pan(dx: number, dy: number): void { if (this.on) this.set(this.scale, this.x + dx, this.y + dy); }

  // Shift and an arrow key; whether it was one.
  key(event: KeyboardEvent): boolean {
    const way = { ArrowRight: [-1, 0], ArrowLeft: [1, 0], ArrowDown: [0, -1], ArrowUp: [0, 1] }[event.key];
    if (way === undefined || !event.shiftKey || !this.on) return false;
    this.pan((way[0] ?? 0) * PAN, (way[1] ?? 0) * PAN);
    return true;
  }

  private set(scale: number, x: number, y: number): void {
    const limit = (side: number): number => (side * (scale - 1)) / 2; // an edge of the image stays in sight
    this.scale = scale;
    this.x = clamp(x, limit(this.stage.clientWidth));
    this.y = clamp(y, limit(this.stage.clientHeight));
    this.draw();
    this.changed(scale);
  }

  // The image on the table may be another element than before.
  draw(): void {
    const image = this.stage.querySelector<HTMLElement>(".card:not(.leaving) > img");
    if (image !== null) image.style.transform = this.on ? `translate(${this.x}px, ${this.y}px) scale(${this.scale})` : "";
  }
}

const clamp = (value: number, limit: number): number => Math.max(-limit, Math.min(limit, value));

// Wheel, two fingers, one finger while enlarged, double tap. Fingers that swipe are none of this one's: see swipe.ts.
export function listen(stage: HTMLElement, zoom: Zoom): void {
  const fingers = new Map<number, { x: number; y: number }>();
  let tapped = 0;

  stage.addEventListener("wheel", (event) => {
    event.preventDefault();
    const pixels = event.deltaY * (event.deltaMode === 1 ? 16 : 1);
    zoom.by(Math.exp(-pixels / 300), event.clientX, event.clientY);
  }, { passive: false });

  stage.addEventListener("dblclick", (event) => {
    if (zoom.on) zoom.reset();
    else zoom.by(3, event.clientX, event.clientY);
  });

  stage.addEventListener("pointerdown", (event) => {
    fingers.set(event.pointerId, { x: event.clientX, y: event.clientY });
    if (event.pointerType === "touch" && fingers.size === 1) tapped = event.timeStamp;
  });

  stage.addEventListener("pointermove", (event) => {
    const before = fingers.get(event.pointerId);
    if (before === undefined) return;
    const now = { x: event.clientX, y: event.clientY };
    const other = [...fingers].find(([id]) => id !== event.pointerId)?.[1];
    if (other !== undefined) {
      const middle = { x: (now.x + other.x) / 2, y: (now.y + other.y) / 2 };
      zoom.by(distance(now, other) / Math.max(1, distance(before, other)), middle.x, middle.y);
      zoom.pan((now.x - before.x) / 2, (now.y - before.y) / 2);
    } else if (zoom.on && event.timeStamp > tapped) zoom.pan(now.x - before.x, now.y - before.y);
    fingers.set(event.pointerId, now);
  });

  for (const end of ["pointerup", "pointercancel"] as const) {
    stage.addEventListener(end, (event) => fingers.delete(event.pointerId));
  }
}

const distance = (a: { x: number; y: number }, b: { x: number; y: number }): number => Math.hypot(a.x - b.x, a.y - b.y);
