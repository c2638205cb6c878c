// Labeling a run: what keys, buttons and swipes do to the deck, the outbox and the screen.

import { call, Refused } from "../core/api";
import { Deck, type Held } from "../core/deck";
import { blocked } from "../core/drawer";
import { Link, PACK } from "../core/link";
import { randomName } from "../core/memory";
import { Model } from "../core/model";
import { banner, notices, toast } from "../core/notices";
import { Outbox } from "../core/outbox";
import { Film } from "./film";
import { Past } from "./past";
import { Remarks } from "../core/remarks";
import type { Answer, Reply, Said } from "../core/types";
import { counted } from "../core/words";
import { Pace } from "./pace";
import type { Stage } from "./stage";

const PICTURES = 60; // of the answers that can be taken back, those with their picture at hand
const MILESTONE = 50;
const COUNT_MS = 300;
const EARLY = 30; // answers at hand when those before them are fetched

// An answered card.
export interface Answered {
  card: Held;
  answer: Answer;
}

export type Overlay = "menu" | "guide" | "keys" | "note" | "back" | null;

export class Labeling extends Model {
  readonly deck = new Deck();
  readonly outbox: Outbox;
  readonly link: Link;
  readonly pace = new Pace();
  private readonly remarks: Remarks;
  private readonly past: Past;
  readonly film = new Film();
  private given = 0; // answers on this load of the page
  reply: Reply | null = null;
  history: Answered[] = []; // the latest last
  batch: Answered[] = []; // those since the last end screen
  pausing = false; // at an end screen
  overlay: Overlay = null;
  private stage: Stage | null = null;
  private trouble: unknown = null;
  private counting: number | undefined;

  constructor(readonly run: string, annotator: string) {
    super();
    this.outbox = new Outbox(run, randomName(), annotator);
    this.link = new Link(this.outbox, this.deck, (reply, lost) => this.heard(reply, lost), (error) => this.troubled(error));
    this.past = new Past(run, annotator, (answers) => this.remembered(answers), (found) => this.rediscovered(found));
    this.remarks = new Remarks(run, this.outbox.client, toast);
    void this.link.start();
  }

  close(): void {
    clearInterval(this.counting);
    this.link.leave();
    this.link.close();
    this.remarks.close();
    this.stage?.show(null);
    banner(null);
  }

  // The place where cards are shown has come.
  attach(stage: Stage): void {
    this.stage = stage;
    this.draw();
  }

  // What may be answered with the card on the table: nothing, "unsure" only, or everything.
  get open(): "nothing" | "unsure" | "all" {
    const state = this.deck.current?.picture?.state;
    if (state === undefined) return "nothing";
    return state === "unreadable" ? "unsure" : "all";
  }

  answer(answer: Answer): void {
    this.link.touched();
    if (this.blocked || this.deck.current === null || this.stage === null) return;
    if (!this.stage.allows(answer)) {
      if (this.open === "unsure" && answer !== "unsure") toast("This image cannot be shown: answer Unsure");
      return;
    }
    notices.hush();
    const card = this.deck.take();
    if (card === undefined) return;
    const given = { card, answer };
    this.film.forget(card.item);
    this.history.push(given);
    this.given += 1;
    this.batch.push(given);
    this.trim();
    this.outbox.push(card, answer);
    this.pace.add();
    if (this.reply?.continuous) this.batch = this.batch.slice(-MILESTONE);
    else if (this.batch.length >= (this.reply?.batch_size ?? Infinity)) this.pausing = true;
    if (!this.pausing && this.given % MILESTONE === 0) this.congratulate();
    this.link.poke();
    this.draw(answer);
  }

  undo(given: Answered | undefined = this.history.at(-1)): void {
    this.link.touched();
    if (given === undefined) {
      toast(this.past.ends ? "There is nothing to take back" : "The answers before these are not here yet");
      void this.past.fetch();
      return;
    }
    this.history = this.history.filter((other) => other !== given);
    this.batch = this.batch.filter((other) => other !== given);
    this.film.forget(given.card.item);
    this.pausing = false;
    this.overlay = null;
    this.outbox.push(given.card, "retracted");
    this.deck.putBack(given.card);
    if (this.history.length < EARLY) void this.past.fetch();
    this.link.poke();
    this.draw();
  }

  // Whether there are answers before those that are here; they come when they are asked for.
  get hasPast(): boolean { return !this.past.ends; }

  lookBack(): void { void this.past.fetch(); }

  // Answers of other loads of this page, oldest first: they come before all that are here.
  private remembered(answers: Answered[]): void {
    const here = this.here();
    const older = answers.filter(({ card }) => !here.has(card.item));
    this.history = [...older, ...this.history];
    this.film.forget(...older.map(({ card }) => card.item));
    this.changed();
  }

  private rediscovered(found: Answered[]): void {
    this.film.remember(found, this.here());
    this.changed();
  }

  // What this load of the page has in hand or has answered.
  private here(): Set<number> {
    return new Set([...this.history.map(({ card }) => card.item), ...this.deck.items(), ...this.outbox.events.map(({ item }) => item)]);
  }

  goOn(): void {
    this.batch = [];
    this.pausing = false;
    this.link.touched();
    this.draw();
  }

  show(overlay: Overlay): void {
    this.overlay = overlay;
    this.link.touched();
    this.changed();
  }

  // The rest of the round goes back; asks first where nothing has announced it.
  async finish(ask = false): Promise<void> {
    if (this.reply === null) return;
    const open = Math.max(this.reply.progress.open - this.outbox.ahead, this.deck.size);
    if (ask && !confirm(`Finish early? ${counted(open, "image goes", "images go")} back for everyone, and the loop goes on with the answers so far.`)) return;
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

  // So many cards that the network may go.
  pack(): void {
    this.link.packing = true;
    this.overlay = null;
    toast(`Fetching up to ${PACK} images …`);
    this.link.poke();
    this.draw();
    clearInterval(this.counting);
    this.counting = window.setInterval(() => this.count(), COUNT_MS);
  }

  // How much of what is taken along has arrived.
  private count(): void {
    const here = this.deck.arrived;
    if (this.link.packed && here === this.deck.size) {
      clearInterval(this.counting);
      toast(`${counted(here, "image is", "images are")} here for the next hour: the network may go`);
    }
    this.changed();
  }

  // Somebody should look at the image on the table again.
  flag(): Promise<void> {
    return this.remark({ flag: true, note: "" }, "Flagged: Browse lists it");
  }

  note(note: string): Promise<void> {
    return note === "" ? Promise.resolve() : this.remark({ flag: false, note }, "The note is kept");
  }

  private async remark(remark: { flag: boolean; note: string }, done: string): Promise<void> {
    const item = this.deck.current?.item;
    if (item === undefined) return;
    const told = await this.remarks.add({ item, annotator: this.outbox.annotator, ...remark });
    toast(told ? done : "Kept in this browser until the labeler answers");
  }

  // The panel in the place of the image leaves no room for answers.
  get blocked(): boolean {
    return this.overlay !== null || (this.deck.size > 0 && this.pausing);
  }

  get isOver(): boolean {
    return this.reply !== null && this.reply.finished !== null && this.reply.progress.open === 0;
  }

  get isUnknown(): boolean {
    return this.trouble instanceof Refused && this.trouble.status === 404 && this.deck.size === 0;
  }

  draw(said: Said | null = null): void {
    banner(this.complaint());
    if (this.reply !== null) {
      this.stage?.show(this.deck.current, said);
      if (this.deck.current?.picture?.arrived !== false) this.past.begin(); // the image on the table comes first
    }
    this.changed();
  }

  private congratulate(): void {
    const found = this.history.slice(-MILESTONE).filter(({ answer }) => answer === "positive").length;
    toast(`${counted(this.given, "answer")}: ${found} yes among the last ${MILESTONE}`);
  }

  private heard(reply: Reply, lost: number[]): void {
    this.trouble = null;
    const onTable = this.stage?.card ?? null;
    this.reply = reply;
    if (reply.standing.length > 0) toast("Somebody else has answered that image since: their answer stands");
    else if (onTable !== null && lost.includes(onTable.item)) {
      this.stage?.startle();
      toast(reply.progress.open === 0 ? "Somebody has finished this round early" : "That image went to somebody else");
    }
    const [refused] = reply.refused;
    if (refused !== undefined) toast(`${counted(reply.refused.length, "answer")} could not be kept: ${refused.why}`);
    this.draw();
  }

  private troubled(error: unknown): void {
    this.trouble = error;
    this.draw();
  }

  private trim(): void {
    const old = this.history.at(-PICTURES - 1);
    if (old === undefined) return;
    old.card.picture?.forget();
    old.card.picture = null;
  }

  private complaint(): string | null {
    const many = this.outbox.waiting;
    const kept = many === 0
      ? "Everything you answered is saved."
      : `${counted(many, "answer is", "answers are")} kept in this ${blocked ? "tab: keep it open" : "browser"}.`;
    if (this.trouble === null || this.isUnknown || (many === 0 && this.isOver)) return null;
    if (this.trouble instanceof Refused) return `The labeler says: ${this.trouble.message}. ${kept}`;
    if (!navigator.onLine) return `You are offline. ${kept} The page goes on by itself.`;
    return `The labeler does not answer. ${kept} The page goes on by itself when it is back.`;
  }
}
