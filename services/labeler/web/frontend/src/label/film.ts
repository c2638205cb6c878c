// The images that this person has said yes to, the latest first: what becomes the curated set.

import type { Answered } from "./labeling";

export const FRAMES = 16;

export class Film {
  private earlier: Answered[] = []; // of other loads of the page, before all that are in the history

  // The latest yes as the labeler has them; what is in hand or in the history here is known better.
  remember(found: Answered[], here: ReadonlySet<number>): void {
    this.earlier = found.filter(({ card }) => !here.has(card.item));
  }

  // Somebody has an image of these in hand again, or the history holds it.
  forget(...items: number[]): void {
    if (this.earlier.length > 0) this.earlier = this.earlier.filter(({ card }) => !items.includes(card.item));
  }

  // history: the latest last.
  frames(history: readonly Answered[]): Answered[] {
    const found: Answered[] = [];
    for (let at = history.length - 1; at >= 0 && found.length < FRAMES; at -= 1) {
      const given = history[at];
      if (given?.answer === "positive") found.push(given);
    }
    return [...found, ...this.earlier].slice(0, FRAMES);
  }
}
