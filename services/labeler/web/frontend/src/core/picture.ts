// Pictures, loaded and decoded before they are wanted.

const AT_ONCE = 4; // a browser opens six connections; answers need one at once
const TINY = 128;

interface Job { isWanted: () => boolean; load: () => Promise<void> }

const queue: Job[] = [];
let active = 0;

// Loads what somebody looks at now, the first ones first, before all that waits.
export function hurry(jobs: Job[]): void {
  queue.unshift(...jobs);
  next();
}

export class Picture {
  state: "loading" | "ready" | "unreadable" = "loading";
  reason = "";
  image: HTMLImageElement | null = null;
  readonly settled: Promise<void>; // resolves when it is no longer loading
  shows: string; // the address of what the image shows: closer and brighter ones take its place
  private wanted: "no" | "file" | "image" = "no";
  private file: string | null = null; // address of the bytes in this tab
  private queued = false;
  private resolve: () => void = () => {};

  constructor(readonly url: string) {
    this.shows = url;
    this.settled = new Promise((resolve) => { this.resolve = resolve; });
  }

  get arrived(): boolean { return this.file !== null || this.state !== "loading"; }
  get tiny(): boolean { return this.image !== null && Math.max(this.image.naturalWidth, this.image.naturalHeight) < TINY; }

  // It will be looked at soon.
  decode(): void {
    if (this.state !== "loading") return;
    this.wanted = "image";
    this.enqueue();
  }

  // It will be looked at, maybe without a network: the file is enough until then.
  keep(): void {
    if (this.arrived || this.wanted === "image") return;
    this.wanted = "file";
    this.enqueue();
  }

  // Nobody will look at it any more.
  forget(): void {
    this.wanted = "no";
    if (this.file !== null) URL.revokeObjectURL(this.file);
    this.file = null;
  }

  async load(): Promise<void> {
    this.queued = false;
    for (let pause = 500; this.isWanted(); pause = Math.min(2 * pause, 8000)) {
      if (this.wanted === "file" ? await this.fetch() : await this.attempt()) return;
      await new Promise((resolve) => { setTimeout(resolve, pause); });
    }
  }

  isWanted(): boolean {
    return this.state === "loading" && (this.wanted === "image" || (this.wanted === "file" && this.file === null));
  }

  private enqueue(): void {
    if (this.queued) return;
    this.queued = true;
    queue.push(this);
    next();
  }

  private async fetch(): Promise<boolean> {
    try {
      const response = await fetch(this.url);
      if (!response.ok) return await this.refused(response);
      const content = await response.blob();
      if (this.wanted === "no") return true; // forgotten meanwhile: nobody would let the file go
      this.file = URL.createObjectURL(content);
      return this.wanted === "file"; // else: decoded in the next attempt
    } catch {
      return false;
    }
  }

  private async attempt(): Promise<boolean> {
    const image = new Image();
    image.alt = "";
    image.draggable = false;
    image.src = this.file ?? this.url;
    try {
      await image.decode();
    } catch {
      return this.explain();
    }
    if (this.state !== "loading") return true;
    this.image = image;
    this.finish("ready");
    return true;
  }

  // An image element does not say why it failed: ask for the sentence.
  private async explain(): Promise<boolean> {
    try {
      return await this.refused(await fetch(this.url));
    } catch {
      return false; // no connection: again later
    }
  }

  private async refused(response: Response): Promise<boolean> {
    if (response.ok || ![404, 410, 422].includes(response.status)) return false;
    this.reason = ((await response.json()) as { error: string }).error;
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
    const job = queue.shift();
    if (!job?.isWanted()) continue;
    active += 1;
    void job.load().finally(() => { active -= 1; next(); });
  }
}
