// Labeling a run: what the keys, buttons and swipes do to the deck, the outbox and the screen.

import { call, Refused } from "./api";
import { Deck } from "./deck";
import { banner, counted, find, hush, make, toast } from "./dom";
import { Link } from "./link";
import { blocked, randomName } from "./memory";
import { Outbox } from "./outbox";
import * as panels from "./panels";
import type { Stage } from "./stage";
import type { Answer, Reply } from "./types";

const REMEMBERED = 300; // answers that can be taken back
const PICTURES = 40; // of these, with their picture at hand
const STRIP = 16;

export class Labeling {
  readonly deck = new Deck();
  readonly outbox: Outbox;
  readonly link: Link;
  reply: Reply | null = null;
  private history: panels.Answered[] = []; // the latest last
  private batch: panels.Answered[] = []; // those since the last end screen
  private pausing = false; // at an end screen
  private trouble: unknown = null;
  private panelKey = "";

  constructor(readonly run: string, annotator: string, private readonly stage: Stage) {
    this.outbox = new Outbox(run, randomName(), annotator);
    this.link = new Link(run, this.outbox, this.deck, (reply, lost) => this.heard(reply, lost), (error) => this.troubled(error));
    void this.link.start();
  }

  close(): void {
    this.link.leave();
    this.link.close();
    this.stage.show(null);
    banner(null);
  }

  answer(answer: Answer): void {
    this.link.touched();
    if (panels.isShown() || this.deck.current === null) return;
    if (!this.stage.allows(answer)) {
      if (this.deck.current.picture?.state === "unreadable" && answer !== "unsure") toast("This image cannot be shown: answer Unsure");
      return;
    }
    hush();
    const card = this.deck.take();
    if (card === undefined) return;
    const given = { card, answer };
    this.history.push(given);
    this.batch.push(given);
    this.trim();
    this.outbox.push(card, answer);
    if (this.batch.length >= (this.reply?.batch_size ?? Infinity)) this.pausing = true;
    this.link.poke();
    this.draw(answer);
  }

  undo(given: panels.Answered | undefined = this.history.at(-1)): void {
    this.link.touched();
    if (given === undefined) {
      toast("There is nothing to take back");
      return;
    }
    this.history = this.history.filter((other) => other !== given);
    this.batch = this.batch.filter((other) => other !== given);
    this.pausing = false;
    this.outbox.push(given.card, "retracted");
    this.deck.putBack(given.card);
    this.link.poke();
    this.draw();
  }

  goOn(): void {
    this.batch = [];
    this.pausing = false;
    this.link.touched();
    this.draw();
  }

  async finish(): Promise<void> {
    if (this.reply === null) return;
    try {
      await call(`api/runs/${this.run}/finish`, { round: this.reply.progress.round });
    } catch {
      toast("The labeler does not answer: nothing has changed. Try again in a moment");
      return;
    }
    this.deck.drop(this.deck.items()); // given back by this very hand
    this.goOn();
    this.link.poke();
  }

  private heard(reply: Reply, lost: number[]): void {
    this.trouble = null;
    const onTable = this.stage.card;
    this.reply = reply;
    if (reply.standing.length > 0) toast("Somebody else has answered that image since: their answer stands");
    else if (onTable !== null && lost.includes(onTable.item)) {
      this.stage.startle();
      toast(reply.progress.open === 0 ? "Somebody has finished this round early" : "That image went to somebody else");
    }
    if (reply.refused.length > 0) toast(`${counted(reply.refused.length, "answer")} could not be kept: ${reply.refused[0].why}`);
    this.draw();
  }

  private troubled(error: unknown): void {
    this.trouble = error;
    this.draw();
  }

  private trim(): void {
    this.history = this.history.slice(-REMEMBERED);
    const old = this.history.at(-PICTURES - 1);
    if (old !== undefined && !this.batch.includes(old)) old.card.picture = null;
  }

  private draw(answer: Answer | null = null): void {
    banner(this.complaint());
    if (this.isUnknown()) {
      this.panelKey = "unknown";
      panels.unknownRun(this.outbox.waiting);
      return;
    }
    if (this.reply === null) return;
    this.drawHeader(this.reply);
    this.stage.show(this.deck.current, answer);
    this.drawButtons();
    this.drawStrip();
    this.drawPanel(this.reply);
  }

  private drawHeader({ question, name, progress }: Reply): void {
    const ahead = this.outbox.ahead; // counted already: the bar moves with the key
    const whole = progress.answered + progress.open;
    const answered = Math.max(0, Math.min(whole, progress.answered + ahead));
    find("question").title = question;
    find("question").textContent = question || name || "Does this image belong?";
    document.title = `${question || name || this.run} · Active Labeler`;
    (find("bar").firstElementChild as HTMLElement).style.width = whole === 0 ? "0" : `${(100 * answered) / whole}%`;
    const late = this.outbox.waiting > 2 ? ` · ${counted(this.outbox.waiting, "answer")} on the way` : "";
    find("progress").replaceChildren(
      make("b", {}, `${answered} of ${whole}`), " in this round · ",
      make("b", {}, String(progress.positives)), " found · ",
      make("b", {}, String(Math.max(0, progress.yours + ahead))), ` by you${late}`,
    );
    find("who").textContent = this.outbox.annotator || "anonymous";
  }

  drawButtons(): void {
    const state = this.deck.current?.picture?.state;
    for (const button of document.querySelectorAll<HTMLButtonElement>("#buttons [data-answer]")) {
      button.disabled = state === undefined || (state === "unreadable" && button.dataset.answer !== "unsure");
    }
    find<HTMLButtonElement>("undo").disabled = this.history.length === 0;
  }

  private drawStrip(): void {
    const found = this.history.filter((given) => given.answer === "positive").slice(-STRIP).reverse();
    const key = found.map((given) => given.card.item).join();
    const strip = find("strip");
    if (strip.dataset.items === key) return;
    strip.dataset.items = key;
    strip.replaceChildren(...found.map((given) => panels.thumb(given, (back) => this.undo(back))));
  }

  // The panel changes when its words do, not with every reply: whoever is about to tap it must not miss.
  private drawPanel(reply: Reply): void {
    const [key, show] = this.panel(reply);
    if (key === this.panelKey && panels.isShown() === (show !== null)) return;
    this.panelKey = key;
    if (show === null) panels.hide();
    else show();
  }

  private panel({ progress, finished }: Reply): [string, (() => void) | null] {
    const back = this.history.length > 0 ? (given?: panels.Answered) => this.undo(given) : null;
    const answers = [...this.batch];
    if (this.deck.size > 0 && this.pausing) {
      const open = Math.max(progress.open - this.outbox.ahead, this.deck.size);
      return [`end ${answers.length}`, () => panels.batchEnd({ answers, open, back, goOn: () => this.goOn(), finish: () => void this.finish() })];
    }
    if (this.deck.size > 0) return ["none", null];
    if (this.isOver()) {
      return [`finished ${finished} ${this.history.length}`, () => panels.finished({ sentence: finished, yours: progress.yours, answers, back })];
    }
    if (this.outbox.waiting > 0) return ["none", null]; // nothing is called saved before it is
    return [`waiting ${JSON.stringify(progress)}`, () => panels.waiting({ answers, progress, back })];
  }

  private isOver(): boolean {
    return this.reply !== null && this.reply.finished !== null && this.reply.progress.open === 0;
  }

  private isUnknown(): boolean {
    return this.trouble instanceof Refused && this.trouble.status === 404 && this.deck.size === 0;
  }

  private complaint(): string | null {
    const many = this.outbox.waiting;
    const kept = many === 0
      ? "Everything you answered is saved."
      : `${counted(many, "answer is", "answers are")} kept in this ${blocked ? "tab: keep it open" : "browser"}.`;
    if (this.trouble === null || this.isUnknown() || (many === 0 && this.isOver())) return null;
    if (this.trouble instanceof Refused) return `The labeler says: ${this.trouble.message}. ${kept}`;
    if (!navigator.onLine) return `You are offline. ${kept} The page goes on by itself.`;
    return `The labeler does not answer. ${kept} The page goes on by itself when it is back.`;
  }
}
