// The page: which run, who, and what the hands do. Routes stand behind the '#', so that they survive proxies.

import { call } from "./api.js";
import { banner, find } from "./dom.js";
import * as keys from "./keys.js";
import { Labeling } from "./label.js";
import { recall, remember } from "./memory.js";
import * as panels from "./panels.js";
import { Progress } from "./progress.js";
import { Stage } from "./stage.js";
import * as swipe from "./swipe.js";

const AGAIN_MS = 2000;

const stage = new Stage();
let labeling = null;
let progress = null;
let again = 0;

async function route() {
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
    const { open: show } = await import("./views/pages.js"); // not for whoever only swipes
    if (location.hash === here) progress = show(looking[2], looking[1], looking[3] === undefined ? undefined : Number(looking[3]));
    return;
  }
  const match = /^#\/run\/([A-Za-z0-9_][A-Za-z0-9._-]*)\/(label|progress)$/.exec(location.hash);
  if (match !== null) {
    if (match[2] === "label") open(match[1]);
    else progress = new Progress(match[1]);
    return;
  }
  let runs;
  try {
    ({ runs } = await call("api/runs"));
    banner(null);
  } catch {
    banner("The labeler does not answer. This page goes on by itself when it is back.");
    again = setTimeout(route, AGAIN_MS);
    return;
  }
  const going = runs.filter((run) => !run.finished);
  const chosen = going.length === 1 ? going[0] : runs.length === 1 ? runs[0] : null;
  if (chosen !== null && location.hash !== "#/") {
    location.replace(`#/run/${chosen.run}/label`);
  } else if (runs.length > 0) {
    panels.chooseRun(runs);
  } else {
    panels.noRun();
    again = setTimeout(route, AGAIN_MS);
  }
}

async function open(run) {
  const name = recall("annotator");
  if (name !== null) {
    begin(run, name);
    return;
  }
  let question = "";
  try {
    question = (await call("api/runs")).runs.find((known) => known.run === run)?.question ?? "";
  } catch { /* the question comes with the first cards */ }
  panels.askName(question, "", (given) => {
    remember("annotator", given);
    begin(run, given);
  });
}

function begin(run, name) {
  panels.hide();
  find("desk").hidden = false;
  find("to-progress").href = `#/run/${run}/progress`;
  labeling = new Labeling(run, name, stage);
}

function changeName() {
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

function listenToSwipes() {
  let swiped = null;
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

function listen() {
  keys.listen({
    answer: (answer) => labeling?.answer(answer),
    undo: () => labeling?.undo(),
    enter: panels.enter,
  });
  find("buttons").addEventListener("click", (event) => {
    const button = event.target.closest("button");
    if (button === null) return;
    if (event.detail > 0) button.blur(); // Enter and Space are for whoever came by keyboard
    if (button.id === "undo") labeling?.undo();
    else labeling?.answer(button.dataset.answer);
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
route();
