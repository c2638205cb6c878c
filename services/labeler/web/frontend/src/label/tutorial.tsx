// Twenty seconds of practice on drawn shapes, which can be skipped: yes, no, unsure, and taking back.

import type { JSX } from "preact";
import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import type { Answer } from "../core/types";
import * as keyboard from "./keys";
import { Act, Panel } from "./panel";
import * as swipe from "./swipe";

type Wanted = Answer | "undo";

const STEPS: { wanted: Wanted; shape: string; words: string; how: string }[] = [
  { wanted: "positive", shape: "M50 10 90 85H10z", words: "Say the question is “Is there a triangle?” There is: yes.", how: "swipe right" },
  { wanted: "negative", shape: "M20 20h60v60H20z", words: "No triangle here: no.", how: "swipe left" },
  { wanted: "unsure", shape: "M50 10 90 85H30q-10-40 20-75z", words: "Not sure? Say so: unsure images count as neither.", how: "swipe down" },
  { wanted: "undo", shape: "M50 10 90 85H10z", words: "A wrong answer is taken back, as often as you like.", how: "tap Undo" },
];
const NAMES: Record<Wanted, string> = { positive: "✓ Yes", negative: "✕ No", unsure: "? Unsure", undo: "Undo" };
const CLASSES: Record<Wanted, string> = { positive: "yes", negative: "no", unsure: "unsure", undo: "undo" };

export function Tutorial({ done }: { done: () => void }): JSX.Element {
  const [at, setAt] = useState(0);
  const [keys] = useState(keyboard.load);
  const place = useRef<HTMLDivElement>(null);
  const step = STEPS[at];
  const said = useRef<(what: Wanted | null) => void>(() => {});
  said.current = (what) => { if (what === step?.wanted) setAt(at + 1); };
  useEffect(() => { if (at >= STEPS.length) done(); }, [at]);
  useLayoutEffect(() => {
    const key = (event: KeyboardEvent): void => {
      const action = event.repeat ? null : keyboard.meant(keys, event);
      if (action === null || !(action in NAMES)) return;
      event.preventDefault();
      said.current(action as Wanted);
    };
    document.addEventListener("keydown", key);
    if (place.current !== null) {
      swipe.listen(place.current, { begins: () => true, moves: () => {}, ends: (answer) => said.current(answer) });
    }
    return () => document.removeEventListener("keydown", key);
  }, []);
  return (
    <Panel escape={done}>
      <h1>Twenty seconds of practice</h1>
      {step === undefined ? null : (
        <>
          <div class="practice" ref={place}><svg viewBox="0 0 100 100" aria-hidden="true"><path d={step.shape} /></svg></div>
          <p class="strong" role="status">{`${at + 1} of ${STEPS.length}: ${step.words}`}</p>
          <p>{`Press ${keyboard.shown(keys[step.wanted])}, ${step.how}, or use the button.`}</p>
          <div class="acts">
            <button type="button" class={`main ${CLASSES[step.wanted]}`} onClick={() => said.current(step.wanted)}>{NAMES[step.wanted]}</button>
            <Act other click={done}>Skip the practice</Act>
          </div>
        </>
      )}
    </Panel>
  );
}
