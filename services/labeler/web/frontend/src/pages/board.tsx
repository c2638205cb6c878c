// The dashboard's part of the progress page: the step at work, the pool's histogram, heads, people, and the switches.

import type { JSX } from "preact";
import { call, Refused } from "../core/api";
import { toast } from "../core/notices";
import type { Dashboard } from "../core/types";
import { counted, course, pace } from "../core/words";
import { Heads, percent } from "./heads";
import { Histogram } from "./histogram";
import { PAGES } from "./rail";
import { Rows } from "./rows";

// A bound, rounded down or up so that it still holds; with decimals where it is small: rare things are the rule.
function bound(share: number | null, up: boolean): string {
  if (share === null) return "–";
  const places = share < 0.01 ? 2 : share < 0.1 ? 1 : 0;
  const parts = share * 100 * 10 ** places;
  return `${((up ? Math.ceil(parts - 1e-7) : Math.floor(parts + 1e-7)) / 10 ** places).toFixed(places)} %`;
}

const source = (drawn: number): string => drawn === 0
  ? "positive: found so far, and what the audit leaves room for."
  : `positive, by ${counted(drawn, "image")} drawn by lot (95 % confidence).`;

interface Props {
  run: string;
  words: Dashboard;
  over: boolean; // the run is at work no more
  again: () => void;
}

export function Board({ run, words, over, again }: Props): JSX.Element {
  const { step, pool, heads, people, queue, continuous, prevalence, drawn } = words;
  const tell = async (what: string, body: object, question?: string): Promise<void> => {
    if (question !== undefined && !confirm(question)) return;
    try {
      await call(`api/runs/${run}/${what}`, body);
      toast(what === "stop" ? "The run stops after this step" : "From the next round on");
    } catch (error) {
      toast(error instanceof Refused ? error.message : "The labeler does not answer: nothing has changed");
    }
    again();
  };
  return (
    <section class="board" aria-label="Dashboard">
      {step ? <Work words={words} /> : null}
      {pool.length > 0 ? <Histogram words={words} /> : null}
      {prevalence[0] === null ? null : (
        <p>{`Of all images, ${bound(prevalence[0], false)} to ${bound(prevalence[1], true)} are ${source(drawn)}`}</p>
      )}
      <p>{`${counted(queue.open, "card")} on offer, ${queue.held} of them in somebody's hands.`}</p>
      {heads.length > 0 ? <Heads heads={heads} /> : null}
      {people.length > 0 ? (
        <Rows
          caption="People" heads={["Name", "Answers", "A minute", "Agreement"]}
          rows={people.map((who) => [
            who.name, who.answers, who.per_minute === null ? "–" : Math.round(who.per_minute),
            who.shared > 0 ? percent(who.agreed / who.shared) : "–",
          ])}
        />
      ) : null}
      {over ? null : (
        <div class="acts admin">
          <button type="button" class="other" onClick={() => void tell("continuous", { on: !continuous })}>
            {continuous ? "Continuous mode off" : "Continuous mode on"}
          </button>
          <button
            type="button" class="other"
            onClick={() => void tell("stop", {}, "Stop the run after the step that it is in? `active-labeler resume` goes on with it.")}
          >
            Stop; it can be resumed
          </button>
        </div>
      )}
      <nav class="acts" aria-label="Pages">
        {PAGES.filter(({ name }) => name !== "label" && name !== "progress").map(({ name, word, only }) => (
          <a key={word} class={only === undefined ? "other" : `other ${only}`} href={`#/run/${run}/${name}`}>{word}</a>
        ))}
      </nav>
    </section>
  );
}

function Work({ words }: { words: Dashboard }): JSX.Element {
  const { workers } = words;
  return (
    <>
      <p class="strong">{course(words)}</p>
      {workers.length > 0 ? (
        <Rows
          caption={`${counted(workers.length, "worker")} at work`} heads={["Name", "Device", "Images a second"]}
          rows={workers.map((worker) => [worker.name, worker.device, pace(worker.per_second)])}
        />
      ) : null}
    </>
  );
}
