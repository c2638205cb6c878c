// What hands do to the map: one finger pans or circles, two zoom, the wheel zooms.

import type { Atlas } from "./atlas";

type Point = [number, number];

interface Options {
  circles: () => boolean; // whether a drag draws a line
  line: (line: Point[]) => void; // while it is drawn, in pixels of the screen
  done: (line: Point[]) => void; // in pixels of the canvas
}

export function listen(canvas: HTMLCanvasElement, atlas: Atlas, { circles, line, done }: Options): () => void {
  const stop = new AbortController();
  const { signal } = stop;
  const down = new Map<number, Point>();
  let drawn: Point[] | null = null;
  const ratio = (): number => canvas.width / canvas.clientWidth;
  const at = (event: MouseEvent): Point => {
    const box = canvas.getBoundingClientRect();
    return [event.clientX - box.left, event.clientY - box.top];
  };
  canvas.addEventListener("pointerdown", (event) => {
    canvas.setPointerCapture(event.pointerId);
    down.set(event.pointerId, at(event));
    drawn = down.size === 1 && (circles() || event.shiftKey) ? [at(event)] : null;
  }, { signal });
  canvas.addEventListener("pointermove", (event) => {
    const before = down.get(event.pointerId);
    if (before === undefined) return;
    const now = at(event);
    const [other] = [...down].filter(([id]) => id !== event.pointerId).map(([, point]) => point);
    down.set(event.pointerId, now);
    if (drawn !== null) {
      drawn.push(now);
      line(drawn);
    } else {
      atlas.pan((now[0] - before[0]) * ratio() / down.size, (now[1] - before[1]) * ratio() / down.size);
      if (other !== undefined) {
        const apart = (point: Point): number => Math.max(1, Math.hypot(point[0] - other[0], point[1] - other[1]));
        atlas.zoom(apart(now) / apart(before), (now[0] + other[0]) / 2 * ratio(), (now[1] + other[1]) / 2 * ratio());
      }
    }
  }, { signal });
  const lift = (event: PointerEvent): void => {
    down.delete(event.pointerId);
    const whole = drawn;
    drawn = null;
    line([]);
    if (event.type === "pointerup" && whole !== null && whole.length > 2) done(whole.map(([x, y]) => [x * ratio(), y * ratio()]));
  };
  canvas.addEventListener("pointerup", lift, { signal });
  canvas.addEventListener("pointercancel", lift, { signal });
  canvas.addEventListener("wheel", (event) => {
    event.preventDefault();
    const [x, y] = at(event);
    atlas.zoom(Math.exp(-event.deltaY / 400), x * ratio(), y * ratio());
  }, { signal, passive: false });
  return () => stop.abort();
}

const STEP = 60; // px

// Whether the key meant something: arrows pan, + and - zoom, 0 shows all.
export function key(event: KeyboardEvent, atlas: Atlas): boolean {
  if (event.ctrlKey || event.metaKey || event.altKey) return false;
  const pan = { ArrowLeft: [STEP, 0], ArrowRight: [-STEP, 0], ArrowUp: [0, STEP], ArrowDown: [0, -STEP] }[event.key];
  if (pan !== undefined) atlas.pan(pan[0] ?? 0, pan[1] ?? 0);
  else if (event.key === "+" || event.key === "=") atlas.zoom(1.5);
  else if (event.key === "-") atlas.zoom(1 / 1.5);
  else if (event.key === "0") atlas.whole();
  else return false;
  return true;
}
