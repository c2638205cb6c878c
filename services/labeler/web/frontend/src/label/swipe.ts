import type { Answer } from "../core/types";

// Swiping, by pointer events. A swipe counts when it is let go: far enough, or fast enough, and never while moving back.

const EDGE = 24; // px; there the phone's own gesture begins
const FAR = 0.25; // of the card's width (or height, downwards)
const SHORT = 40; // px
const FAST = 0.5; // px/ms
const SLOP = 8; // px; less is a tap

// begins(): may a swipe begin? moves(dx, dy, answer): while it goes on, answer when letting go would count.
// ends(answer): it is over; null: it did not count.
interface Acts {
  begins: () => boolean;
  moves: (dx: number, dy: number, answer: Answer | null) => void;
  ends: (answer: Answer | null) => void;
}

interface Point { x: number; y: number; t: number }
interface Swipe { id: number; x: number; y: number; trail: Point[] }

export function listen(element: HTMLElement, { begins, moves, ends }: Acts): void {
  let swipe: Swipe | null = null;

  const stop = (answer: Answer | null) => {
    swipe = null;
    ends(answer);
  };

  element.addEventListener("pointerdown", (event) => {
    if (swipe !== null) { // a second finger: zooming, not swiping
      stop(null);
      return;
    }
    if (!event.isPrimary || event.button !== 0 || !begins()) return;
    if (event.clientX < EDGE || event.clientX > innerWidth - EDGE) return;
    swipe = { id: event.pointerId, x: event.clientX, y: event.clientY, trail: [point(event)] };
    try { element.setPointerCapture(event.pointerId); } catch { /* the pointer is gone already */ }
  });

  element.addEventListener("pointermove", (event) => {
    if (swipe === null || event.pointerId !== swipe.id) return;
    swipe.trail = [...swipe.trail.filter((past) => event.timeStamp - past.t < 100), point(event)];
    const dx = event.clientX - swipe.x;
    const dy = event.clientY - swipe.y;
    if (Math.hypot(dx, dy) > SLOP) moves(dx, dy, judge(swipe, event, element));
  });

  element.addEventListener("pointerup", (event) => {
    if (swipe === null || event.pointerId !== swipe.id) return;
    stop(judge(swipe, event, element));
  });

  element.addEventListener("pointercancel", () => {
    if (swipe !== null) stop(null);
  });
}

const point = (event: PointerEvent): Point => ({ x: event.clientX, y: event.clientY, t: event.timeStamp });

function judge(swipe: Swipe, event: PointerEvent, element: HTMLElement): Answer | null {
  const dx = event.clientX - swipe.x;
  const dy = event.clientY - swipe.y;
  const sideways = Math.abs(dx) > Math.abs(dy);
  if (!sideways && dy < 0) return null; // upwards means nothing
  const way = sideways ? dx : dy;
  const first = swipe.trail[0] ?? point(event);
  const pace = (sideways ? event.clientX - first.x : event.clientY - first.y) / Math.max(event.timeStamp - first.t, 1);
  const back = pace * Math.sign(way) < -0.05;
  const extent = sideways ? element.clientWidth : element.clientHeight;
  const far = Math.abs(way) > FAR * extent;
  const fast = Math.abs(way) > SHORT && pace * Math.sign(way) >= FAST;
  if (back || !(far || fast)) return null;
  return sideways ? (dx > 0 ? "positive" : "negative") : "unsure";
}
