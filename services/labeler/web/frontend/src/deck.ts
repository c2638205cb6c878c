// The cards in this page's hands; the first is the one on the table.

import { Picture } from "./picture";
import type { Card } from "./types";

// A card with its picture; null once it is answered and long gone.
export interface Held extends Card {
  picture: Picture | null;
}

export class Deck {
  cards: Held[] = [];

  get current(): Held | null { return this.cards[0] ?? null; }
  get size(): number { return this.cards.length; }
  items(): number[] { return this.cards.map((card) => card.item); }

  add(cards: Card[]): void {
    const known = new Set(this.items());
    for (const card of cards) {
      if (!known.has(card.item)) this.cards.push({ ...card, picture: new Picture(card.image) });
    }
  }

  take(): Held | undefined { return this.cards.shift(); }

  // Back on the table, before all others.
  putBack(card: Held): void {
    card.picture ??= new Picture(card.image);
    this.cards = [card, ...this.cards.filter((other) => other.item !== card.item)];
  }

  drop(items: number[]): void {
    const gone = new Set(items);
    for (const card of this.cards) if (gone.has(card.item)) card.picture?.forget();
    this.cards = this.cards.filter((card) => !gone.has(card.item));
  }
}
