// What the colours of the map mean.

import { labels, rounds, scores } from "../core/arrays";

export type Hue = "label" | "score" | "round";

export interface Coloured {
  classes: Uint8Array; // of each item, a place in the palette
  palette: Uint32Array;
  marked: Uint32Array; // items drawn last
  legend: { colour: string; word: string }[];
}

const DARK = matchMedia("(prefers-color-scheme: dark)");
const STEPS = 10;
const ROUNDS = ["#0072b2", "#b84a00", "#009e73", "#cc79a7", "#8a7a00", "#56b4e9", "#d55e00", "#7a5cb8"];

const nothing = (): string => (DARK.matches ? "#6a6a6a" : "#a9a9a9");

export async function coloured(run: string, hue: Hue, count: number): Promise<Coloured> {
  if (hue === "label") {
    const said = fitting(await labels(run), count);
    const colours = DARK.matches ? ["#5a5a5a", "#4db2ec", "#f08a3c", "#f2f2f2"] : [nothing(), "#0072b2", "#b84a00", "#111111"];
    return made(said, colours, ["no answer", "yes", "no", "unsure"], (item) => said[item] !== 0);
  }
  if (hue === "score") {
    const found = await scores(run);
    const classes = new Uint8Array(count);
    for (let item = 0; item < count; item += 1) {
      const score = found[item] ?? NaN;
      classes[item] = Number.isNaN(score) ? 0 : 1 + Math.min(STEPS - 1, Math.floor(score * STEPS));
    }
    const ramp = Array.from({ length: STEPS }, (_, step) => mixed([184, 74, 0], [0, 114, 178], step / (STEPS - 1)));
    const words = ["no probability", ...ramp.map((_, step) => (step === 0 ? "0: unlikely" : step === STEPS - 1 ? "1: likely" : ""))];
    return made(classes, [nothing(), ...ramp], words, () => false);
  }
  const found = await rounds(run);
  const classes = new Uint8Array(count);
  const there = new Set<number>();
  for (let item = 0; item < Math.min(count, found.length); item += 1) {
    const round = found[item] as number;
    if (round < 0) continue;
    there.add(round);
    classes[item] = 1 + (round % ROUNDS.length);
  }
  const words = ROUNDS.map((_, at) => [...there].filter((round) => round % ROUNDS.length === at).sort((a, b) => a - b).join(", "));
  return made(classes, [nothing(), ...ROUNDS], ["no answer", ...words.map((word) => (word === "" ? "" : `round ${word}`))], (item) => classes[item] !== 0);
}

function made(classes: Uint8Array, colours: string[], words: string[], isMarked: (item: number) => boolean): Coloured {
  const marked: number[] = [];
  for (let item = 0; item < classes.length; item += 1) if (isMarked(item)) marked.push(item);
  const legend = colours.map((colour, at) => ({ colour, word: words[at] ?? "" })).filter(({ word }, at) => word !== "" || colours.length === STEPS + 1 && at > 0);
  return { classes, palette: Uint32Array.from(colours, word), marked: Uint32Array.from(marked), legend };
}

// A catalog may have grown since the map was drawn, or the other way round.
function fitting(found: Uint8Array, count: number): Uint8Array {
  const classes = new Uint8Array(count);
  classes.set(found.subarray(0, count));
  return classes;
}

const mixed = (from: number[], to: number[], share: number): string =>
  `#${from.map((start, at) => Math.round(start + ((to[at] ?? 0) - start) * share).toString(16).padStart(2, "0")).join("")}`;

// As a canvas has it in memory: red is the lowest byte.
function word(colour: string): number {
  const rgb = Number.parseInt(colour.slice(1), 16);
  return (0xff000000 | ((rgb & 0xff) << 16) | (rgb & 0xff00) | (rgb >> 16)) >>> 0;
}
