// The dashboard's part of the progress view: the step at work, the pool's histogram, heads, people, and the switches.

import { call, Refused } from "../api";
import { counted, make, toast } from "../dom";
import type { Dashboard } from "../types";

const percent = (share: number | null): string => (share === null ? "–" : `${Math.round(share * 100)} %`);

export function board(run: string, words: Dashboard, again: () => void): HTMLElement {
  const { step, pool, heads, people, queue, continuous, prevalence } = words;
  return make(
    "section", { class: "board", "aria-label": "Dashboard" },
    step ? work(words) : null,
    pool.length > 0 ? histogram(words) : null,
    prevalence[0] === null ? null : make("p", {}, `Of all images, ${percent(prevalence[0])} to ${percent(prevalence[1])} are positive:`
      + " found so far, and what the audit leaves room for."),
    make("p", {}, `${counted(queue.open, "card")} on offer, ${queue.held} of them in somebody's hands.`),
    heads.length > 0 ? table("Heads on held-out images", ["Round", "F1", "Precision", "Recall"],
      heads.slice(-8).map((head) => [head.round, percent(head.f1), percent(head.precision), percent(head.recall)])) : null,
    people.length > 0 ? table("People", ["Name", "Answers", "Agreement"],
      people.map((who) => [who.name, who.answers, who.shared > 0 ? percent(who.agreed / who.shared) : "–"])) : null,
    make(
      "div", { class: "acts" },
      tell(run, "continuous", { on: !continuous }, continuous ? "Continuous mode off" : "Continuous mode on", again),
      tell(run, "stop", {}, "Stop; it can be resumed", again, "Stop the run after the step that it is in? `active-labeler resume` goes on with it."),
    ),
    make(
      "div", { class: "acts" },
      ...[["seed", "Search"], ["grid", "Grid"], ["browse", "Browse"]].map(([page, word]) => make("a", { class: "other", href: `#/run/${run}/${page}` }, word)),
    ),
  );
}

function tell(run: string, what: string, body: object, word: string, again: () => void, question?: string): HTMLElement {
  const click = async () => {
    if (question !== undefined && !confirm(question)) return;
    try {
      await call(`api/runs/${run}/${what}`, body);
      toast(what === "stop" ? "The run stops after this step" : "From the next round on");
    } catch (error) {
      toast(error instanceof Refused ? error.message : "The labeler does not answer: nothing has changed");
    }
    again();
  };
  return make("button", { type: "button", class: "other", click }, word);
}

function work({ step, done, total, per_second: rate }: Dashboard): HTMLElement {
  const left = rate !== null && rate > 0 ? Math.ceil((total - done) / rate) : null;
  const time = left === null ? "" : left >= 90 ? `, ${counted(Math.round(left / 60), "minute")} left` : `, ${counted(left, "second")} left`;
  return make(
    "p", { class: "strong" },
    `${step}: ${done.toLocaleString("en")} of ${counted(total, "image")}${rate !== null && rate > 0 ? `, ${rate.toFixed(rate < 10 ? 1 : 0)} a second` : ""}${time}`,
  );
}

// Bars of the pool on a logarithmic scale (one image in a million is seen), and in front of them what was sampled.
function histogram({ pool, sampled, sampled_round: round }: Dashboard): HTMLElement {
  const scale = Math.log1p(Math.max(...pool, ...sampled, 1));
  const bar = (count: number, kind: string): HTMLElement => {
    const element = make("i", { class: kind });
    element.style.height = `${(100 * Math.log1p(count)) / scale}%`;
    return element;
  };
  const total = pool.reduce((sum, count) => sum + count, 0);
  const asked = sampled.flatMap((count, place) => (count > 0 ? [place] : []));
  const from = asked.length > 0 ? (asked[0] ?? 0) / pool.length : 0;
  const to = asked.length > 0 ? ((asked.at(-1) ?? 0) + 1) / pool.length : 0;
  const words = `${counted(total, "image")} without a label by the probability that the head gives them, 0 to 1`
    + (asked.length > 0 ? `; round ${round} asked for those from ${from.toFixed(2)} to ${to.toFixed(2)}` : "");
  return make(
    "figure", {},
    make("div", { class: "histogram", role: "img", "aria-label": words }, ...pool.map((count, place) => make(
      "span", {}, bar(count, "pool"), (sampled[place] ?? 0) > 0 ? bar(sampled[place] ?? 0, "sampled") : null,
    ))),
    make("figcaption", {}, `${words} (bars logarithmic)`),
  );
}

function table(caption: string, heads: string[], rows: (string | number)[][]): HTMLElement {
  return make(
    "table", {}, make("caption", {}, caption),
    make("thead", {}, make("tr", {}, ...heads.map((head) => make("th", { scope: "col" }, head)))),
    make("tbody", {}, ...rows.map((row) => make("tr", {}, ...row.map((cell) => make("td", {}, String(cell)))))),
  );
}
