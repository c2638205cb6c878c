// The question, and how far: this round, found, mine, my pace, others at work, what waits, what is there for a dead spot.

import type { JSX } from "preact";
import { useEffect } from "preact/hooks";
import { counted } from "../core/words";
import type { Labeling } from "./labeling";

interface Props {
  labeling: Labeling;
  changeName: () => void;
}

export function Header({ labeling, changeName }: Props): JSX.Element {
  const { run, reply, outbox } = labeling;
  const words = reply?.question || reply?.name || "Does this image belong?";
  useEffect(() => {
    if (reply !== null) document.title = `${reply.question || reply.name || run} · Active Labeler`;
  }, [reply?.question, reply?.name, run]);
  const { answered = 0, open = 0 } = reply?.progress ?? {};
  const whole = answered + open;
  const done = Math.max(0, Math.min(whole, answered + outbox.ahead)); // what is under way counts: the bar moves with the key
  return (
    <header>
      <div id="bar"><i style={{ width: whole === 0 ? "0" : `${(100 * done) / whole}%` }} /></div>
      <h1 id="question" title={words}>{reply === null ? "" : words}</h1>
      <p id="progress">{reply === null ? null : <HowFar labeling={labeling} done={done} whole={whole} />}</p>
      <nav id="corner" aria-label="This run">
        <a id="to-progress" class="quiet loop" href={`#/run/${run}/progress`} title="How far the run is">Progress</a>
        <button id="more" type="button" class="quiet" title="More: the guide, keys, notes, offline" onClick={() => labeling.show("menu")}>More</button>
        <button id="who" type="button" class="quiet" title="Change your name" onClick={changeName}>{outbox.annotator || "anonymous"}</button>
      </nav>
    </header>
  );
}

function HowFar({ labeling, done, whole }: { labeling: Labeling; done: number; whole: number }): JSX.Element {
  const { reply, outbox, deck, link, pace } = labeling;
  const { positives = 0, yours = 0 } = reply?.progress ?? {};
  const size = reply?.continuous ? Infinity : reply?.batch_size ?? Infinity;
  const rate = pace.perMinute();
  const others = reply?.others ?? 0;
  return (
    <>
      {size < whole ? <><b>{`${labeling.batch.length} of ${size}`}</b> in this batch · </> : null}
      <b>{`${done} of ${whole}`}</b> in this round · <b>{positives}</b> found
      <span class="wide"> · <b>{Math.max(0, yours + outbox.ahead)}</b> by you</span>
      {rate === null ? null : <span class="wide"> · <b>{rate}</b> a minute</span>}
      {others > 0 ? <span class="wide"> · {counted(others, "other")} at work</span> : null}
      {link.packing ? <span> · {counted(deck.arrived, "image")} here for offline</span> : null}
      {outbox.waiting > 2 ? <span> · {counted(outbox.waiting, "answer")} on the way</span> : null}
    </>
  );
}
