// The cards in this page's hands; the first is the one on the table.

import { Picture } from "./picture";
import type { Card } from "./types";

const READY = 12; // pictures that are decoded before they are wanted; of further ones the file is kept

// A card with its picture; null once it is answered and long gone.
export interface Held extends Card {
  picture: Picture | null;
}

export class Deck {
  cards: Held[] = [];
  private look = ""; // what addresses of pictures end with

  get current(): Held | null { return this.cards[0] ?? null; }
  get size(): number { return this.cards.length; }
  items(): number[] { return this.cards.map((card) => card.item); }

  // Cards whose pictures have arrived.
  get arrived(): number { return this.cards.filter((card) => card.picture?.arrived).length; }

  add(cards: Card[]): void {
    const known = new Set(this.items());
    for (const card of cards) {
      if (!known.has(card.item)) this.cards.push({ ...card, picture: this.picture(card) });
    }
    this.prepare();
  }

  take(): Held | undefined {
    const card = this.cards.shift();
    this.prepare();
    return card;
  }

  // Back on the table, before all others.
  putBack(card: Held): void {
    card.picture ??= this.picture(card);
    this.cards = [card, ...this.cards.filter((other) => other.item !== card.item)];
    this.prepare();
  }

  drop(items: number[]): void {
    if (items.length === 0) return;
    const gone = new Set(items);
    for (const card of this.cards) if (gone.has(card.item)) card.picture?.forget();
    this.cards = this.cards.filter((card) => !gone.has(card.item));
    this.prepare();
  }

  // From now on pictures come like this; the one on the table stays.
  dress(look: string): void {
    this.look = look;
    for (const card of this.cards.slice(1)) {
      card.picture?.forget();
      card.picture = this.picture(card);
    }
    this.prepare();
  }

  private picture(card: Card): Picture { return new Picture(card.image + this.look); }

  private prepare(): void {
    this.cards.forEach((card, place) => {
      if (place < READY) card.picture?.decode();
      else card.picture?.keep();
    });
  }
}
