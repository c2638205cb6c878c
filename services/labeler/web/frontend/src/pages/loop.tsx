// What several pages show of the loop, and how its questions are answered.

import type { JSX } from "preact";
import { call, Refused } from "../core/api";
import { toast } from "../core/notices";
import type { Light } from "../core/types";

const FINISHING = "Finish the run? The cards on offer go back, and the curated data set is written.";

// Answers a question of the loop, after a second thought where that ends the run; again() looks anew.
export const answerer = (run: string, again: () => void) => async (id: string, given: string): Promise<void> => {
  if (given === "q" && !confirm(FINISHING)) return;
  try {
    const { accepted } = await call<{ accepted: boolean }>(`api/runs/${run}/loop`, { question: id, answer: given });
    toast(accepted ? (given === "q" ? "The run is finishing" : "The loop goes on") : "Somebody else was faster with an answer");
  } catch (error) {
    toast(error instanceof Refused ? error.message : "The labeler does not answer: nothing has changed");
  }
  again();
};

export function Lamp({ name, colour, text }: Light): JSX.Element {
  return <li class={colour}><i aria-hidden="true" /><div><b>{name}</b><span>{text}</span></div></li>;
}
