// The four buttons within the thumb's reach.

import type { JSX } from "preact";
import { useRef } from "preact/hooks";
import type { Answer } from "../core/types";
import { shortcut, shown, type Keys } from "./keys";
import type { Labeling } from "./labeling";

const DRAWN: [Answer, string, string, string][] = [
  ["negative", "no", "No", "M6 6l12 12M18 6 6 18"],
  ["unsure", "unsure", "Unsure", "M8.5 9a3.5 3.5 0 1 1 5 3.2c-1.2.6-1.5 1.2-1.5 2.8M12 18.5v.5"],
  ["positive", "yes", "Yes", "M5 12.5 10 17.5 19 7"],
];

const HURRIED = 250; // ms: nobody looks at an image and taps the same place again within that; a finger that trembles does

export function Buttons({ labeling, keys }: { labeling: Labeling; keys: Keys }): JSX.Element {
  const { open } = labeling;
  const tapped = useRef(-HURRIED);
  const press = (event: MouseEvent, act: () => void): void => {
    if (event.detail > 0) (event.currentTarget as HTMLElement).blur(); // Enter and Space are for whoever came by keyboard
    act();
  };
  const give = (event: MouseEvent, given: Answer): void => {
    const again = event.detail > 1 && event.timeStamp - tapped.current < HURRIED; // of a double or triple tap
    tapped.current = event.timeStamp;
    press(event, () => { if (!again) labeling.answer(given); });
  };
  return (
    <div id="buttons">
      <button
        type="button" id="undo" title="Take the last answer back" disabled={labeling.history.length === 0}
        aria-keyshortcuts={`${shortcut(keys.undo)} Control+Z`} onClick={(event) => press(event, () => labeling.undo())}
      >
        <svg viewBox="0 0 24 24" aria-hidden="true"><path d="M9 4 4 9l5 5M4 9h10a6 6 0 0 1 0 12h-2" /></svg>
        <span>Undo</span><kbd>{shown(keys.undo)}</kbd>
      </button>
      {DRAWN.map(([answer, name, word, path]) => (
        <button
          key={answer} type="button" class={name} data-answer={answer}
          disabled={open === "nothing" || (open === "unsure" && answer !== "unsure")}
          aria-keyshortcuts={shortcut(keys[answer])} onClick={(event) => give(event, answer)}
        >
          <svg viewBox="0 0 24 24" aria-hidden="true"><path d={path} /></svg>
          <span>{word}</span><kbd>{shown(keys[answer])}</kbd>
        </button>
      ))}
    </div>
  );
}
