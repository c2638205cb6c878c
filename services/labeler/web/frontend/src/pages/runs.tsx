// The list of runs, and the way into the only one.

import type { JSX } from "preact";
import { useEffect, useState } from "preact/hooks";
import { call } from "../core/api";
import { banner } from "../core/notices";
import type { RunLine } from "../core/types";
import { counted } from "../core/words";
import { Panel } from "../label/panel";

const AGAIN_MS = 2000;

// choose: whether the only run is entered at once.
export function Runs({ choose }: { choose: boolean }): JSX.Element {
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
      const only = found === null ? undefined : theOnly(found);
      if (choose && only !== undefined) location.replace(`#/run/${only.run}/label`);
      if (found !== null) setRuns(found);
      if (found === null || found.length === 0) again = window.setTimeout(look, AGAIN_MS);
    };
    void look();
    return () => { gone = true; clearTimeout(again); };
  }, [choose]);
  if (runs === null || (choose && theOnly(runs) !== undefined)) return <Panel><p>Loading …</p></Panel>;
  return runs.length === 0 ? <NoRun /> : <Choice runs={runs} />;
}

function theOnly(runs: RunLine[]): RunLine | undefined {
  const going = runs.filter((run) => !run.finished);
  return going.length === 1 ? going[0] : runs.length === 1 ? runs[0] : undefined;
}

function Choice({ runs }: { runs: RunLine[] }): JSX.Element {
  return (
    <Panel>
      <h1>What do you want to label?</h1>
      {runs.map((run) => (
        <a key={run.run} class="run" href={`#/run/${run.run}/label`}>
          <b>{run.question || run.name || run.run}</b>
          <span>{`${run.name || run.run} · ${run.finished ? "finished" : `${counted(run.open, "image")} waiting`}`}</span>
        </a>
      ))}
      <StartLink />
    </Panel>
  );
}

function NoRun(): JSX.Element {
  return (
    <Panel>
      <h1>There is nothing to label yet</h1>
      <p>Start a run, and this page goes on by itself:</p>
      <p><code>active-labeler run --data FOLDER --reference IMAGE</code></p>
      <StartLink />
    </Panel>
  );
}

// Where the operator has laid out data sets, and to whoever may start runs of them.
function StartLink(): JSX.Element | null {
  const [may, setMay] = useState(false);
  useEffect(() => {
    void call<{ data: unknown[] }>("api/prepared").then(({ data }) => setMay(data.length > 0), () => setMay(false));
  }, []);
  return may ? <div class="acts"><a class="main" href="#/new">Start a run</a></div> : null;
}
