// The way to the cards: a name, the practice, then the swipe page.

import type { JSX } from "preact";
import { useEffect, useState } from "preact/hooks";
import { call } from "../core/api";
import { recall, remember } from "../core/memory";
import type { RunLine } from "../core/types";
import { Labeling } from "./labeling";
import { AskName } from "./name";
import { LabelPage } from "./page";
import { Tutorial } from "./tutorial";

export function Entry({ run }: { run: string }): JSX.Element | null {
  const [name, setName] = useState(() => recall<string>("annotator"));
  const [asking, setAsking] = useState(name === null);
  const [practised, setPractised] = useState(() => name !== null || recall<boolean>("practised") === true);
  const [question, setQuestion] = useState("");
  const [labeling, setLabeling] = useState<Labeling | null>(null);
  const begins = !asking && practised;

  useEffect(() => {
    if (!asking) return;
    call<{ runs: RunLine[] }>("api/runs")
      .then(({ runs }) => setQuestion(runs.find((known) => known.run === run)?.question ?? ""))
      .catch(() => { /* the question comes with the first cards */ });
  }, [asking, run]);

  useEffect(() => {
    if (!begins) return undefined;
    const made = new Labeling(run, name ?? "");
    setLabeling(made);
    const off = listen(made);
    return () => {
      off();
      made.close();
      setLabeling(null);
    };
  }, [begins, run, name]);

  const named = (given: string): void => {
    remember("annotator", given);
    setName(given);
    setAsking(false);
  };
  const practise = (): void => {
    remember("practised", true);
    setPractised(true);
  };
  if (asking) return <AskName question={question} name={name ?? ""} done={named} />;
  if (!practised) return <Tutorial done={practise} />;
  return labeling === null ? null : <LabelPage key={labeling.outbox.client} labeling={labeling} changeName={() => setAsking(true)} />;
}

// What the browser tells while somebody labels.
function listen({ link }: Labeling): () => void {
  const stop = new AbortController();
  const { signal } = stop;
  addEventListener("online", () => link.retry(), { signal });
  addEventListener("pointerdown", () => link.touched(), { signal });
  addEventListener("pagehide", () => link.leave(), { signal });
  addEventListener("pageshow", (event) => { if (event.persisted) link.retry(); }, { signal });
  document.addEventListener("visibilitychange", () => { if (!document.hidden) link.retry(); }, { signal });
  return () => stop.abort();
}
