// Everything, filtered, corrected in place; for annotators, what they have answered.

import type { JSX } from "preact";
import { useCallback, useEffect, useRef, useState } from "preact/hooks";
import { Refused } from "../core/api";
import { items, labels } from "../core/arrays";
import { myName, useOwnOnly } from "../core/role";
import type { Said } from "../core/types";
import { toast } from "../core/notices";
import { counted, SILENT } from "../core/words";
import { Panel } from "../label/panel";
import { Marker } from "../views/marker";
import { Sheet } from "../views/sheet";
import { View } from "./view";

const ACTS: [Said, string, string][] = [["positive", "✓ Yes", "Y"], ["negative", "✕ No", "N"], ["unsure", "? Unsure", "U"], ["retracted", "No answer", "⌫"]];

export function Browse({ run }: { run: string }): JSX.Element {
  const own = useOwnOnly();
  return own === null ? <Panel><p>Loading …</p></Panel> : <All run={run} own={own} />;
}

function All({ run, own }: { run: string; own: boolean }): JSX.Element {
  const [words, setWords] = useState("Looking …");
  const [open, setOpen] = useState(false); // the filters, where there is little room
  const [aside, setAside] = useState(false); // only images that were set aside are shown
  const form = useRef<HTMLFormElement>(null);
  const place = useRef<HTMLDivElement>(null);
  const sheet = useRef<Sheet | null>(null);
  const marker = useRef<Marker | null>(null);
  const asked = useRef(0);

  const load = useCallback(async (): Promise<void> => {
    asked.current += 1;
    const turn = asked.current;
    const filters: Record<string, string> = form.current === null ? {} : Object.fromEntries(new FormData(form.current)) as Record<string, string>;
    setWords("Looking …");
    setAside(filters["quarantined"] !== undefined);
    if (own) filters["annotator"] = myName();
    try {
      await marker.current?.sending;
      const [found, said] = await Promise.all([items(run, filters), labels(run)]);
      if (turn !== asked.current) return; // other filters were chosen meanwhile
      sheet.current?.show(found, said);
      setWords(own && found.length === 0 ? "You have given no such answer yet." : counted(found.length, "image"));
    } catch (error) {
      if (turn === asked.current) setWords(error instanceof Refused ? error.message : SILENT);
    }
  }, [run, own]);

  useEffect(() => {
    const keeper = new Marker(run);
    const made = new Sheet(run, {
      answered: (item, answer) => void keeper.add([{ item, answer }], 0),
      more: own ? undefined : (item) => { location.hash = `#/run/${run}/seed/${item}`; },
    });
    marker.current = keeper;
    sheet.current = made;
    place.current?.replaceChildren(made.element);
    made.start();
    void load();
    return () => { made.close(); keeper.close(); };
  }, [run, own, load]);

  const onChosen = (act: (shown: Sheet) => void): void => {
    if (sheet.current?.hasChosen) act(sheet.current);
    else toast("Choose an image first");
  };
  const bar = (
    <>
      {ACTS.map(([answer, word, key]) => (
        <button key={answer} type="button" class={`other ${answer}`} aria-keyshortcuts={key} onClick={() => onChosen((shown) => shown.say(answer))}>
          {word}<span class="key">{` (${key})`}</span>
        </button>
      ))}
      <button type="button" class="other" aria-keyshortcuts="O" onClick={() => onChosen((shown) => shown.look())}>Look closely<span class="key"> (O)</span></button>
      {own ? null : <button type="button" class="other" aria-keyshortcuts="M" onClick={() => onChosen((shown) => shown.more())}>More like this<span class="key"> (M)</span></button>}
    </>
  );
  const tools = (
    <>
      {own ? null : <Toggle open={open} turn={() => setOpen(!open)} />}
      <form ref={form} class={open || own ? "filters open" : "filters"} onChange={() => void load()} onSubmit={(event) => event.preventDefault()}>{own ? <Label given /> : <Filters />}</form>
      {aside ? <a class="other" href={`#/run/${run}/quarantine`}>Why they were set aside</a> : null}
      <p class="words" role="status">{words}</p>
    </>
  );
  return <View run={run} page="browse" title={own ? "Your answers" : "All images"} tools={tools} bar={bar} fixed><div class="sheet" ref={place} /></View>;
}

function Toggle({ open, turn }: { open: boolean; turn: () => void }): JSX.Element {
  return <button type="button" class="other few" aria-expanded={open} onClick={turn}>Filters</button>;
}

function Filters(): JSX.Element {
  return (
    <>
      <Label />
      <Choice
        name="sort" word="Order"
        options={[["item", "as they lie"], ["highest", "likely first"], ["lowest", "unlikely first"], ["unsure", "doubtful first"]]}
      />
      <label>Score from<input name="low" type="number" min="0" max="1" step="0.05" /></label>
      <label>to<input name="high" type="number" min="0" max="1" step="0.05" /></label>
      <label>Round<input name="round" type="number" min="0" max="4294967295" step="1" /></label>
      <label>By<input name="annotator" maxLength={80} /></label>
      <label class="check"><input name="disagreement" type="checkbox" value="true" />people disagree</label>
      <label class="check"><input name="flagged" type="checkbox" value="true" />flagged or noted</label>
      <label class="check"><input name="quarantined" type="checkbox" value="true" />set aside</label>
    </>
  );
}

// given: only of images that have one.
function Label({ given = false }: { given?: boolean }): JSX.Element {
  const none: [string, string][] = given ? [] : [["none", "none"]];
  return <Choice name="label" word="Label" options={[["", "any"], ...none, ["positive", "yes"], ["negative", "no"], ["unsure", "unsure"]]} />;
}

function Choice({ name, word, options }: { name: string; word: string; options: [string, string][] }): JSX.Element {
  return <label>{word}<select name={name}>{options.map(([value, text]) => <option key={value} value={value}>{text}</option>)}</select></label>;
}
