// The cards in this page's hands; the first is the one on the table.

import { Picture } from "./picture.js";

export class Deck {
  constructor() { this.cards = []; }

  get current() { return this.cards[0] ?? null; }
  get size() { return this.cards.length; }
  items() { return this.cards.map((card) => card.item); }

  add(cards) {
    const known = new Set(this.items());
    for (const card of cards) {
      if (!known.has(card.item)) this.cards.push({ ...card, picture: new Picture(card.image) });
    }
  }

  take() { return this.cards.shift(); }

  // Back on the table, before all others.
  putBack(card) {
    if (card.picture === null) card.picture = new Picture(card.image);
    this.cards = [card, ...this.cards.filter((other) => other.item !== card.item)];
  }

  drop(items) {
    const gone = new Set(items);
    for (const card of this.cards) if (gone.has(card.item)) card.picture.forget();
    this.cards = this.cards.filter((card) => !gone.has(card.item));
  }
}
