// The list of runs, and the way into one: to the step that whoever comes goes on with.

import type { JSX } from "preact";
import { useEffect, useState } from "preact/hooks";
import { call } from "../core/api";
import { banner } from "../core/notices";
import type { RunLine } from "../core/types";
import { step } from "../core/step";
import { counted } from "../core/words";
import { Panel } from "../label/panel";

const AGAIN_MS = 2000;

interface Props {
  choose: boolean; // whether the only run is entered at once, or, where there is none, the page that starts one
  wanted: string | undefined; // the run to enter
}

export function Runs({ choose, wanted }: Props): JSX.Element {
  const [runs, setRuns] = useState<RunLine[] | null>(null);
  useEffect(() => {
    let again: number | undefined;
    let gone = false;
    const look = async (): Promise<void> => {
      let found: RunLine[] | null = null;
      try {
        found = (await call<{ runs: RunLine[] }>("api/runs")).runs;
        if (!gone) banner(null);
      } catch {
        if (!gone) banner("The labeler does not answer. This page goes on by itself when it is back.");
      }
      if (gone) return;
      const entered = found === null || !choose ? undefined : entry(found, wanted);
      if (entered !== undefined) {
        const next = await step(entered);
        if (!gone) location.replace(`#/run/${entered.run}/${next}`);
        return;
      }
      if (found !== null) setRuns(found);
      if (found === null || found.length === 0) again = window.setTimeout(look, AGAIN_MS);
    };
    void look();
    return () => { gone = true; clearTimeout(again); };
  }, [choose, wanted]);
  if (runs === null) return <Panel><p>Loading …</p></Panel>;
  return runs.length === 0 ? <NoRun choose={choose} /> : <Choice runs={runs} />;
}

// The one that is wanted, else the only one that goes on, else the only one.
function entry(runs: RunLine[], wanted: string | undefined): RunLine | undefined {
  if (wanted !== undefined) return runs.find(({ run }) => run === wanted) ?? { run: wanted, name: "", question: "", open: 0, finished: false };
  const going = runs.filter((run) => !run.finished);
  return going.length === 1 ? going[0] : runs.length === 1 ? runs[0] : undefined;
}

function Choice({ runs }: { runs: RunLine[] }): JSX.Element {
  const may = useMayStart();
  return (
    <Panel>
      <h1>What do you want to label?</h1>
      {runs.map((run) => (
        <a key={run.run} class="run" href={`#/run/${run.run}`}>
          <b>{run.question || run.name || run.run}</b>
          <span>{`${run.name || run.run} · ${run.finished ? "finished" : `${counted(run.open, "image")} waiting`}`}</span>
        </a>
      ))}
      {may ? <StartLink /> : null}
    </Panel>
  );
}

function NoRun({ choose }: { choose: boolean }): JSX.Element {
  const may = useMayStart();
  useEffect(() => { if (choose && may) location.replace("#/new"); }, [choose, may]);
  return (
    <Panel>
      <h1>There is nothing to label yet</h1>
      <p>Start a run, and this page goes on by itself:</p>
      <p><code>active-labeler run --data FOLDER --reference IMAGE</code></p>
      {may ? <StartLink /> : null}
    </Panel>
  );
}

// Whether the operator has named a folder of data sets, and whoever looks may start runs of them.
function useMayStart(): boolean {
  const [may, setMay] = useState(false);
  useEffect(() => {
    // The encoder that needs no file is there wherever a folder is named, be it empty.
    void call<{ encoder: unknown[] }>("api/prepared").then(({ encoder }) => setMay(encoder.length > 0), () => setMay(false));
  }, []);
  return may;
}

function StartLink(): JSX.Element {
  return <div class="acts"><a class="main" href="#/new">Start a run</a></div>;
}
