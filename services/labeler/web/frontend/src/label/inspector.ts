// Looking closely at the image on the table: enlarged, with all its pixels, and brightened.

import { toast } from "../core/notices";
import { Detail } from "./detail";
import type { Stage } from "./stage";
import { Zoom } from "./zoom";

const LEVELS = "&levels=auto";

export class Inspector {
  readonly zoom: Zoom;
  private readonly detail: Detail;
  private levels = false;
  private full = false;
  private item: number | null = null;

  // dress: whoever fetches the pictures of the next cards fetches them like this.
  constructor(private readonly stage: Stage, private readonly dress: (look: string) => void) {
    this.zoom = new Zoom(stage.element, (scale) => {
      stage.element.classList.toggle("zoomed", scale > 1.01);
      if (scale > 1.01 && !this.full) this.exchange(true, this.levels);
      this.detail.move();
    });
    this.detail = new Detail(stage.element, this.zoom);
  }

  // Another card lies on the table: the whole of it is looked at first. Levels stay as they are.
  turn(): void {
    const item = this.stage.card?.item ?? null;
    if (item === this.item) {
      if (this.zoom.on) this.zoom.draw();
      return;
    }
    this.item = item;
    this.full = false;
    this.detail.leave();
    if (this.zoom.on) this.zoom.reset();
    this.exchange(false, this.levels); // one that comes back may have been brightened, or not
  }

  toggleLevels(): void {
    this.levels = !this.levels;
    toast(this.levels ? "Brightened: the darkest and the lightest parts are drawn apart" : "As it is");
    this.exchange(this.full, this.levels);
    this.dress(this.levels ? LEVELS : "");
  }

  private exchange(full: boolean, levels: boolean): void {
    this.full = full;
    const url = this.stage.card?.image;
    const look = levels ? LEVELS : "";
    this.detail.dress(look);
    if (url === undefined) return;
    void this.stage.exchange(`${url}${full ? "&size=full" : ""}${look}`).then((shown) => {
      if (full && shown !== null) this.detail.found(url, shown);
    });
  }
}
