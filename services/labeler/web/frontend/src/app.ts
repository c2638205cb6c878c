// The page: which run, who, and what the hands do. Routes stand behind the '#', so that they survive proxies.

import { call } from "./api";
import { banner, find } from "./dom";
import * as keys from "./keys";
import { Labeling } from "./label";
import { recall, remember } from "./memory";
import type { Held } from "./deck";
import * as panels from "./panels";
import { Progress } from "./progress";
import { Stage } from "./stage";
import "./style.css";
import * as swipe from "./swipe";
import type { Answer, RunLine } from "./types";
import "./views/views.css";

interface Runs { runs: RunLine[] }

const AGAIN_MS = 2000;

const stage = new Stage();
let labeling: Labeling | null = null;
let progress: { close: () => void } | null = null;
let again: number | undefined;

async function route(): Promise<void> {
  clearTimeout(again);
  labeling?.close();
  labeling = null;
  progress?.close();
  progress = null;
  find("desk").hidden = true;
  panels.hide();
  const looking = /^#\/run\/([A-Za-z0-9_][A-Za-z0-9._-]*)\/(seed|grid|browse)(?:\/(\d+))?$/.exec(location.hash);
  if (looking !== null) {
    const here = location.hash;
    const { open: show } = await import("./views/pages"); // not for whoever only swipes
    if (location.hash === here) progress = show(looking[2] ?? "", looking[1] ?? "", looking[3] === undefined ? undefined : Number(looking[3]));
    return;
  }
  const match = /^#\/run\/([A-Za-z0-9_][A-Za-z0-9._-]*)\/(label|progress)$/.exec(location.hash);
  if (match?.[1] !== undefined) {
    if (match[2] === "label") void open(match[1]);
    else progress = new Progress(match[1]);
    return;
  }
  let runs: RunLine[];
  try {
    ({ runs } = await call<Runs>("api/runs"));
    banner(null);
  } catch {
    banner("The labeler does not answer. This page goes on by itself when it is back.");
    again = window.setTimeout(route, AGAIN_MS);
    return;
  }
  const going = runs.filter((run) => !run.finished);
  const chosen = going.length === 1 ? going[0] : runs.length === 1 ? runs[0] : undefined;
  if (chosen !== undefined && location.hash !== "#/") {
    location.replace(`#/run/${chosen.run}/label`);
  } else if (runs.length > 0) {
    panels.chooseRun(runs);
  } else {
    panels.noRun();
    again = window.setTimeout(route, AGAIN_MS);
  }
}

async function open(run: string): Promise<void> {
  const name = recall<string>("annotator");
  if (name !== null) {
    begin(run, name);
    return;
  }
  let question = "";
  try {
    question = (await call<Runs>("api/runs")).runs.find((known) => known.run === run)?.question ?? "";
  } catch { /* the question comes with the first cards */ }
  panels.askName(question, "", (given) => {
    remember("annotator", given);
    begin(run, given);
  });
}

function begin(run: string, name: string): void {
  panels.hide();
  find("desk").hidden = false;
  find<HTMLAnchorElement>("to-progress").href = `#/run/${run}/progress`;
  labeling = new Labeling(run, name, stage);
}

function changeName(): void {
  if (labeling === null) return;
  const { run } = labeling;
  const question = labeling.reply?.question ?? "";
  const name = labeling.outbox.annotator;
  labeling.close();
  labeling = null;
  panels.askName(question, name, (given) => {
    remember("annotator", given);
    begin(run, given);
  });
}

function listenToSwipes(): void {
  let swiped: Held | null = null;
  swipe.listen(stage.element, {
    begins: () => {
      swiped = stage.card;
      return labeling !== null && swiped !== null && !isZoomed();
    },
    moves: (dx, dy, answer) => { if (stage.card === swiped) stage.lean(dx, dy, answer); },
    ends: (answer) => {
      if (answer !== null && stage.card === swiped) labeling?.answer(answer);
      if (stage.card === swiped) stage.lean(0, 0, null);
    },
  });
}

function listen(): void {
  keys.listen({
    answer: (answer) => labeling?.answer(answer),
    undo: () => labeling?.undo(),
    enter: panels.enter,
  });
  find("buttons").addEventListener("click", (event) => {
    const button = (event.target as Element).closest("button");
    if (button === null) return;
    if (event.detail > 0) button.blur(); // Enter and Space are for whoever came by keyboard
    if (button.id === "undo") labeling?.undo();
    else labeling?.answer(button.dataset["answer"] as Answer);
  });
  find("who").addEventListener("click", changeName);
  stage.element.addEventListener("filled", () => labeling?.drawButtons());
  listenToSwipes();
  addEventListener("hashchange", route);
  addEventListener("online", () => labeling?.link.retry());
  addEventListener("pointerdown", () => labeling?.link.touched());
  addEventListener("pagehide", () => labeling?.link.leave());
  addEventListener("pageshow", (event) => { if (event.persisted) labeling?.link.retry(); });
  document.addEventListener("visibilitychange", () => { if (!document.hidden) labeling?.link.retry(); });
  visualViewport?.addEventListener("resize", () => stage.element.classList.toggle("zoomed", isZoomed()));
}

const isZoomed = () => (visualViewport?.scale ?? 1) > 1.01;

listen();
void route();
