// Pictures, loaded and decoded before they are wanted.

const AT_ONCE = 4; // a browser opens six connections; answers need one at once
const TINY = 128;

const queue: Picture[] = [];
let active = 0;

export class Picture {
  state: "loading" | "ready" | "unreadable" = "loading";
  reason = "";
  image: HTMLImageElement | null = null;
  readonly settled: Promise<void>; // resolves when it is no longer loading
  wanted = true;
  private resolve: () => void = () => {};

  constructor(readonly url: string) {
    this.settled = new Promise((resolve) => { this.resolve = resolve; });
    queue.push(this);
    next();
  }

  get tiny(): boolean { return this.image !== null && Math.max(this.image.naturalWidth, this.image.naturalHeight) < TINY; }

  // Nobody will look at it any more.
  forget(): void { this.wanted = false; }

  async load(): Promise<void> {
    for (let pause = 500; this.wanted; pause = Math.min(2 * pause, 8000)) {
      if (await this.attempt()) return;
      await new Promise((resolve) => { setTimeout(resolve, pause); });
    }
  }

  private async attempt(): Promise<boolean> {
    const image = new Image();
    image.alt = "";
    image.draggable = false;
    image.src = this.url;
    try {
      await image.decode();
    } catch {
      return this.explain();
    }
    this.image = image;
    this.finish("ready");
    return true;
  }

  // An image element does not say why it failed: ask for the sentence.
  private async explain(): Promise<boolean> {
    try {
      const response = await fetch(this.url);
      if (response.ok || ![404, 410, 422].includes(response.status)) return false;
      this.reason = (await response.json()).error;
    } catch {
      return false; // no connection: again later
    }
    this.finish("unreadable");
    return true;
  }

  private finish(state: "ready" | "unreadable"): void {
    this.state = state;
    this.resolve();
  }
}

function next(): void {
  while (active < AT_ONCE && queue.length > 0) {
    const picture = queue.shift();
    if (!picture?.wanted) continue;
    active += 1;
    picture.load().finally(() => { active -= 1; next(); });
  }
}
