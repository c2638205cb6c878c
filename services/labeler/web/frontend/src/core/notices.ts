// A short word at the lower edge, and a sentence that stays while it is true.

import { Model } from "./model";

const SHORT_MS = 2500;

class Notices extends Model {
  word: string | null = null;
  sentence: string | null = null;
  private hiding: number | undefined;

  toast(word: string, ms = SHORT_MS): void {
    this.word = word;
    clearTimeout(this.hiding);
    this.hiding = window.setTimeout(() => this.hush(), ms);
    this.changed();
  }

  hush(): void {
    if (this.word === null) return;
    this.word = null;
    this.changed();
  }

  banner(sentence: string | null): void {
    if (sentence === this.sentence) return;
    this.sentence = sentence;
    this.changed();
  }
}

export const notices = new Notices();
export const toast = (word: string, ms?: number): void => notices.toast(word, ms);
export const banner = (sentence: string | null): void => notices.banner(sentence);
