// The swipe page.

import type { JSX } from "preact";
import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import { useModel } from "../core/model";
import { Buttons } from "./buttons";
import { End } from "./ends";
import { Header } from "./header";
import { Inspector } from "./inspector";
import * as keyboard from "./keys";
import type { Labeling } from "./labeling";
import { Overlays } from "./overlays";
import { Stage } from "./stage";
import * as swipe from "./swipe";
import { Thumb } from "./thumbs";
import * as zooming from "./zoom";

const STRIP = 16;

interface Props {
  labeling: Labeling;
  changeName: () => void;
}

export function LabelPage({ labeling, changeName }: Props): JSX.Element {
  useModel(labeling);
  const place = useRef<HTMLElement>(null);
  const caption = useRef<HTMLParagraphElement>(null);
  const [inspector, setInspector] = useState<Inspector | null>(null);
  const [keys, setKeys] = useState(keyboard.load);

  useEffect(() => {
    if (place.current === null || caption.current === null) return undefined;
    const stage = new Stage(place.current, caption.current, () => labeling.draw());
    const made = new Inspector(stage, (look) => labeling.deck.dress(look));
    setInspector(made);
    labeling.attach(stage);
    zooming.listen(place.current, made.zoom);
    listenToSwipes(labeling, stage, made);
    return () => stage.show(null);
  }, [labeling]);

  useLayoutEffect(() => {
    const key = (event: KeyboardEvent): void => {
      if (event.repeat || (event.target as Element).closest?.("input, textarea, select")) return;
      if (inspector?.zoom.key(event) || act(labeling, inspector, keyboard.meant(keys, event))) event.preventDefault();
    };
    document.addEventListener("keydown", key);
    return () => document.removeEventListener("keydown", key);
  }, [labeling, inspector, keys]);

  useLayoutEffect(() => inspector?.turn());

  const last = labeling.history.slice(-STRIP).reverse();
  const end = labeling.overlay === null ? End({ labeling }) : null;
  const isCovered = end !== null || labeling.overlay !== null;
  return (
    <>
      <main id="desk" inert={isCovered}>
        <Header labeling={labeling} changeName={changeName} />
        <section id="stage" ref={place} aria-label="Image" />
        <p id="caption" ref={caption} />
        <footer>
          <div class="strips">
            <div id="strip" role="group" aria-label="Your last answers, the latest first">
              {last.map((given) => <Thumb key={given.card.item} given={given} back={(back) => labeling.undo(back)} />)}
            </div>
            <span class="found" aria-hidden="true">✓</span>
            <div id="film" role="group" aria-label="What you have found, the latest first">
              {labeling.film.frames(labeling.history).map((given) => <Thumb key={given.card.item} found given={given} back={(back) => labeling.undo(back)} />)}
            </div>
          </div>
          <Buttons labeling={labeling} keys={keys} />
        </footer>
      </main>
      {end}
      <Overlays labeling={labeling} inspector={inspector} keys={keys} setKeys={setKeys} changeName={changeName} />
    </>
  );
}

// Whether there was something to do.
function act(labeling: Labeling, inspector: Inspector | null, action: keyboard.Action | null): boolean {
  if (action === null) return false;
  if (action === "positive" || action === "negative" || action === "unsure") labeling.answer(action);
  else if (action === "undo") labeling.undo();
  else if (action === "menu" || action === "guide" || action === "back") labeling.show(labeling.overlay === action ? null : action);
  else if (labeling.blocked || labeling.deck.current === null) return false;
  else if (action === "note") labeling.show("note");
  else if (action === "flag") void labeling.flag();
  else if (action === "levels") inspector?.toggleLevels();
  else if (action === "closer") inspector?.zoom.in();
  else if (action === "further") inspector?.zoom.out();
  else inspector?.zoom.reset();
  return true;
}

function listenToSwipes(labeling: Labeling, stage: Stage, inspector: Inspector): void {
  let swiped = stage.card;
  swipe.listen(stage.element, {
    begins: () => {
      swiped = stage.card;
      return swiped !== null && !inspector.zoom.on;
    },
    moves: (dx, dy, answer) => { if (stage.card === swiped) stage.lean(dx, dy, answer); },
    ends: (answer) => {
      if (answer !== null && stage.card === swiped) labeling.answer(answer);
      if (stage.card === swiped) stage.lean(0, 0, null);
    },
  });
}
