// Where whoever comes in goes on: guests to the cards, the owner to the furthest step of the run that is not done.

import { call } from "./api";
import { hasLoop, role } from "./role";
import type { LoopWords, RunLine } from "./types";

// The page of a run, as its address names it.
export async function step(run: RunLine): Promise<string> {
  if ((await role()) !== "admin" || !(await hasLoop())) return "label";
  if (run.finished) return "finish";
  if (run.open > 0) return "label";
  try {
    return stepOf(await call<LoopWords>(`api/runs/${run.run}/loop`));
  } catch {
    return "label"; // nobody works on it, or nobody can say: the page of the cards says what it waits for
  }
}

function stepOf({ state, round, question }: LoopWords): string {
  if (state === "finished") return "finish";
  if (question !== null && !question.optional) return question.wants_example ? "seed" : "progress";
  if (state === "failed" || state === "stopped") return "progress";
  return state === "running" && round === 0 ? "progress" : "label"; // the images are being embedded
}
