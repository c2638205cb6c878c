// The card on the table, and the ones that leave it. By hand, not by components: the next image is there with the key itself.

import type { Held } from "../core/deck";
import type { Picture } from "../core/picture";
import type { Answer, Said } from "../core/types";

const LEAVE_MS = 160;
const SEEN_MS = 30; // an answer sooner than this was meant for the image before
const STARTLED_MS = 600;

const WORDS: Record<Answer, string> = { positive: "✓ Yes", negative: "✕ No", unsure: "? Unsure" };

export class Stage {
  card: Held | null = null;
  private figure: HTMLElement | null = null;
  private shownAt = Infinity;
  private closedUntil = 0;
  private readonly stamp = block("div", "stamp");

  // filled() when the image on the table has come.
  constructor(readonly element: HTMLElement, private readonly caption: HTMLElement, private readonly filled: () => void) {
    this.stamp.setAttribute("aria-hidden", "true");
  }

  // What may be said about the card now.
  allows(answer: Answer): boolean {
    const now = performance.now();
    if (this.card === null || now - this.shownAt < SEEN_MS || now < this.closedUntil) return false;
    const state = this.card.picture?.state;
    return state === "ready" || (state === "unreadable" && answer === "unsure");
  }

  // The card on the table changes by no doing of the person: whatever comes in the next moment was meant for it.
  startle(): void { this.closedUntil = performance.now() + STARTLED_MS; }

  // Puts a card on the table (null: clears it); the one before leaves as its answer says.
  show(card: Held | null, answer: Said | null = null): void {
    if (card !== null && card === this.card) return;
    this.dismiss(answer);
    this.card = card;
    this.shownAt = Infinity;
    this.caption.textContent = card === null ? "" : described(card);
    if (card === null) return;
    this.figure = block("figure", "card");
    this.element.prepend(this.figure);
    if (card.picture?.state === "loading") void card.picture.settled.then(() => this.fill(card));
    this.fill(card);
  }

  // Another picture of the same image: more of its pixels, or brighter. Gives it once it is shown; null: it is not.
  async exchange(url: string): Promise<HTMLImageElement | null> {
    const { card } = this;
    const picture = card?.picture;
    const image = picture?.image;
    if (!picture || !image || picture.shows === url) return null;
    picture.shows = url;
    const other = new Image();
    other.src = url;
    try {
      await other.decode();
    } catch {
      if (picture.shows === url) picture.shows = ""; // what is shown stays; the next wish asks anew
      return null;
    }
    if (picture.shows !== url) return null; // something else was asked for meanwhile
    image.src = url;
    return card === this.card ? other : null;
  }

  // The card follows the finger, and says what letting go would mean.
  lean(dx: number, dy: number, answer: Answer | null): void {
    const still = dx === 0 && dy === 0;
    if (this.figure !== null) {
      this.figure.style.transform = still ? "" : `translate(${dx}px, ${Math.max(0, dy)}px) rotate(${dx / 60}deg)`;
    }
    this.stamp.className = `stamp ${answer ?? ""}`;
    this.stamp.textContent = answer === null ? "" : WORDS[answer];
    this.stamp.style.opacity = answer === null ? "0" : "1";
    if (this.stamp.parentNode === null) this.element.append(this.stamp);
  }

  private fill(card: Held): void {
    if (card !== this.card || this.figure === null || card.picture === null) return;
    this.figure.replaceChildren(content(card, card.picture));
    if (card.picture.state !== "loading") {
      requestAnimationFrame(() => { this.shownAt = Math.min(this.shownAt, performance.now()); });
    }
    this.filled();
  }

  private dismiss(answer: Said | null): void {
    const { figure } = this;
    this.figure = null;
    this.lean(0, 0, null);
    if (figure === null) return;
    if (answer === null) {
      figure.remove();
      return;
    }
    this.element.append(figure);
    figure.getBoundingClientRect(); // where it is now is where it leaves from
    figure.classList.add("leaving", answer);
    figure.style.transform = "";
    setTimeout(() => figure.remove(), LEAVE_MS);
  }
}

function block<K extends keyof HTMLElementTagNameMap>(tag: K, name: string, ...children: (Node | string)[]): HTMLElementTagNameMap[K] {
  const element = document.createElement(tag);
  element.className = name;
  element.append(...children);
  return element;
}

function content(card: Held, picture: Picture): HTMLElement {
  if (picture.image !== null) {
    picture.image.alt = `Image to label: ${card.name}`;
    picture.image.style.transform = "";
    picture.image.classList.toggle("tiny", picture.tiny);
    return picture.image;
  }
  if (picture.state === "unreadable") {
    const head = document.createElement("b");
    head.textContent = "This image cannot be shown";
    return block("div", "blank", head, `${picture.reason}. Answer “Unsure”: it is then left out.`);
  }
  return block("div", "blank", "The image is on its way …");
}

// The name, and where the run shows it, why the image is here.
function described({ name, reason, score }: Held): string {
  if (reason === undefined) return name;
  const chance = typeof score === "number" ? `probability ${score.toFixed(2)}` : "";
  return [name, chance, reason].filter((word) => word !== "").join(" · ");
}
