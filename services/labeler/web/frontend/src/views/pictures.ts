// The pictures of a sheet: fetched many at a time, those on screen first; what has left the screen is given up.

import { frames } from "./frames";

const GAP_MS = 50; // between two requests while the sheet moves
const STILL_MS = 25; // (more than a frame) without moving, where it moves so fast that the last request was for nothing
const AGAIN_MS = 2000;
const AT_ONCE = 2; // requests; a browser opens six connections
const MOST = 200; // in one request
const KEPT = 1500; // about 30 MB

interface Request {
  left: Set<number>;
  stop: AbortController;
}

export class Pictures {
  private readonly known = new Map<number, string>(); // item -> address that holds the picture itself, those seen last at the end
  private readonly reasons = new Map<number, string>(); // item -> why there is none
  private requests: Request[] = [];
  private wanted: number[] = [];
  private next: number[] = [];
  private asked = -Infinity;
  private moved = -Infinity;
  private last = new Set<number>(); // items of the last request
  private timer: number | undefined;
  private closed = false;

  // arrived: there is a picture of an item now, or the reason why there is none.
  constructor(private readonly run: string, private readonly arrived: (item: number) => void) {}

  close(): void {
    this.closed = true;
    window.clearTimeout(this.timer);
    [this.wanted, this.next] = [[], []];
    for (const { stop } of this.requests) stop.abort();
    this.known.clear();
  }

  address(item: number): string | undefined { return this.known.get(item); }
  reason(item: number): string | undefined { return this.reasons.get(item); }

  // wanted: on screen, in order; next: will be there soon, if it is scrolled on like that.
  want(wanted: number[], next: number[]): void {
    [this.wanted, this.next] = [wanted, next];
    this.moved = performance.now();
    for (const item of wanted) this.renew(item);
    this.ask();
  }

  private renew(item: number): void {
    const address = this.known.get(item);
    if (address === undefined) return;
    this.known.delete(item);
    this.known.set(item, address);
  }

  private missing(items: number[]): number[] {
    return items.filter((item) => !this.known.has(item) && !this.reasons.has(item));
  }

  private ask(): void {
    window.clearTimeout(this.timer);
    const missing = this.missing(this.wanted);
    this.giveUp(new Set(missing));
    const coming = new Set(this.requests.flatMap(({ left }) => [...left]));
    let items = missing.filter((item) => !coming.has(item));
    if (missing.length === 0 && this.requests.length === 0) items = this.missing(this.next);
    if (items.length === 0) return;
    const flies = this.last.size > 0 && !this.wanted.some((item) => this.last.has(item));
    const wait = (flies ? this.moved + STILL_MS : this.asked + GAP_MS) - performance.now();
    if (wait > 0) this.timer = window.setTimeout(() => this.ask(), wait);
    else void this.fetch(items.slice(0, MOST));
  }

  // Requests of which less than half is wanted, and the older ones where there are too many.
  private giveUp(missing: Set<number>): void {
    if (missing.size === 0) return; // what comes now will be on screen soon
    const useful = this.requests.filter(({ left }) => [...left].filter((item) => missing.has(item)).length * 2 >= left.size);
    const kept = useful.slice(-AT_ONCE + 1);
    for (const request of this.requests) if (!kept.includes(request)) request.stop.abort();
    this.requests = kept;
  }

  private async fetch(items: number[]): Promise<void> {
    const request = { left: new Set(items), stop: new AbortController() };
    this.requests.push(request);
    this.asked = performance.now();
    this.last = new Set(items);
    let again = false;
    try {
      const response = await fetch(`api/runs/${this.run}/pictures`, {
        method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify({ items }), signal: request.stop.signal,
      });
      if (!response.ok || response.body === null) throw new Error(`status ${response.status}`);
      for await (const { place, kind, content } of frames(response.body)) {
        if (this.closed) return;
        const item = items[place];
        if (item === undefined) continue;
        if (kind === "later") again = true;
        else this.take(item, kind, content);
        request.left.delete(item);
      }
    } catch {
      again = !request.stop.signal.aborted;
    }
    this.requests = this.requests.filter((other) => other !== request);
    if (again) this.timer = window.setTimeout(() => this.ask(), AGAIN_MS);
    else if (!request.stop.signal.aborted) this.ask();
  }

  private take(item: number, kind: "picture" | "unreadable", content: Uint8Array<ArrayBuffer>): void {
    if (kind === "unreadable") this.reasons.set(item, new TextDecoder().decode(content));
    else if (!this.known.has(item)) {
      this.known.set(item, addressOf(content));
      this.trim();
    }
    this.arrived(item);
  }

  private trim(): void {
    const shown = new Set(this.wanted);
    for (const item of this.known.keys()) {
      if (this.known.size <= KEPT) return;
      if (!shown.has(item)) this.known.delete(item);
    }
  }
}

// An address that holds a picture. One of a blob costs several messages between the browser's processes for each picture, which is half
// of the work of a whole sheet.
function addressOf(content: Uint8Array): string {
  return `data:image/${content[0] === 0xff ? "jpeg" : "webp"};base64,${base64(content)}`;
}

const PIECE = 8192; // bytes; more arguments than that are too many for some browsers

function base64(content: Uint8Array & { toBase64?: () => string }): string {
  if (content.toBase64 !== undefined) return content.toBase64();
  let text = "";
  for (let at = 0; at < content.length; at += PIECE) text += String.fromCharCode(...content.subarray(at, at + PIECE));
  return btoa(text);
}
