// Ends of batches, rounds and runs.

import type { JSX } from "preact";
import { useEffect, useState } from "preact/hooks";
import { call } from "../core/api";
import { counted, course, type Work } from "../core/words";
import type { Labeling } from "./labeling";
import { Act, Panel } from "./panel";
import { Review, Tally, type Back } from "./thumbs";

const ASK_MS = 3000;

// The panel in place of the image, or null while there is one to answer.
export function End({ labeling }: { labeling: Labeling }): JSX.Element | null {
  const { deck, reply, pausing, isOver, isUnknown, outbox } = labeling;
  if (isUnknown) return <UnknownRun waiting={outbox.waiting} />;
  if (reply === null) return null;
  if (deck.size > 0) return pausing ? <BatchEnd labeling={labeling} /> : null;
  if (isOver) return <Finished labeling={labeling} sentence={reply.finished} yours={reply.progress.yours} />;
  if (outbox.waiting > 0) return null; // nothing is called saved before it is
  return <Waiting labeling={labeling} />;
}

function BatchEnd({ labeling }: { labeling: Labeling }): JSX.Element {
  const answers = labeling.batch;
  const open = Math.max((labeling.reply?.progress.open ?? 0) - labeling.outbox.ahead, labeling.deck.size);
  const goOn = (): void => labeling.goOn();
  return (
    <Panel enter={goOn}>
      <h1>{counted(answers.length, "image")} done</h1>
      <Tally answers={answers} />
      <Review answers={answers} back={(given) => labeling.undo(given)} />
      {labeling.reply?.progress.round === 0 ? <Meanwhile run={labeling.run} /> : null}
      <div class="acts">
        <Act click={goOn}>Continue labeling</Act>
        <span class="admin"><Act other click={() => void labeling.finish()}>Finish batch early</Act></span>
        <ToProgress run={labeling.run} />
      </div>
      <p class="admin">
        {`${counted(open, "image")} of this round ${open === 1 ? "is" : "are"} left. Finishing early puts ${open === 1 ? "it" : "them"} back for everyone`}
        <span class="loop">, and the loop goes on with the answers so far</span>.
      </p>
    </Panel>
  );
}

// Before round 1 the images may be such as are drawn by lot while all of them are embedded.
function Meanwhile({ run }: { run: string }): JSX.Element | null {
  const { work } = useWaiting(run);
  if (work === null) return null;
  return (
    <>
      <Course work={work} />
      <p>The images until then are drawn by lot: your answers show how many there are of what you look for.</p>
    </>
  );
}

function Waiting({ labeling }: { labeling: Labeling }): JSX.Element {
  const { open = 0, yours = 0, positives = 0 } = labeling.reply?.progress ?? {};
  const { asks, work } = useWaiting(labeling.run);
  const answered = yours > 0 || positives > 0;
  return (
    <Panel>
      <h1>{open > 0 ? "The rest is in other hands" : work ? "The images are being prepared" : asks ? "The loop waits for a decision" : "Waiting for the next images"}</h1>
      {open > 0 ? <p>{`${counted(open, "image is", "images are")} being looked at by somebody else, or were on a page that was closed. Those that come back appear here.`}</p>
        : work ? <Preparing work={work} />
        : asks ? <Decision />
        : <p>{`${answered ? "This round is done. The next" : "The first"} images appear here by themselves.`}</p>}
      {answered ? <p class="strong">{`All your answers are saved: ${counted(yours, "answer")} by you, ${counted(positives, "image")} found so far.`}</p> : null}
      {yours > 0 && positives === 0 ? <p class="admin loop">Nothing has been found yet: another picture or a few words under Search may lead there.</p> : null}
      <LookBack labeling={labeling} />
    </Panel>
  );
}

function Preparing({ work }: { work: Work }): JSX.Element {
  return (
    <>
      <Course work={work} />
      <p>The first images appear here by themselves.</p>
    </>
  );
}

function Course({ work }: { work: Work }): JSX.Element {
  return (
    <>
      <p role="status">{course(work)}</p>
      {work.total > 0 ? <progress max={work.total} value={work.done} aria-label={work.step} /> : null}
    </>
  );
}

function Decision(): JSX.Element {
  return (
    <>
      <p class="admin">It asks what comes next, in the terminal and under Progress. After an answer the next images appear here by themselves.</p>
      <p class="annotator">An admin decides what comes next. Then the next images appear here by themselves.</p>
    </>
  );
}

interface Awaited { asks: boolean; work: Work | null }

// Whether the loop asks what comes next, and what it does before the first images; where nobody can say, neither.
function useWaiting(run: string): Awaited {
  const [awaited, setAwaited] = useState<Awaited>({ asks: false, work: null });
  useEffect(() => {
    let timer: number | undefined;
    let gone = false;
    const look = async (): Promise<void> => {
      const told = await call<Awaited>(`api/runs/${run}/asks`).catch(() => null);
      if (gone) return;
      setAwaited({ asks: told?.asks === true, work: told?.work ?? null });
      timer = window.setTimeout(() => void look(), ASK_MS);
    };
    void look();
    return () => { gone = true; clearTimeout(timer); };
  }, [run]);
  return awaited;
}

function Finished({ labeling, sentence, yours }: { labeling: Labeling; sentence: string | null; yours: number }): JSX.Element {
  return (
    <Panel>
      <h1>Labeling is finished</h1>
      {sentence ? <p>{sentence}</p> : null}
      <p class="strong">
        {yours > 0 ? `Thank you. Your ${counted(yours, "answer is", "answers are")} saved; you may close this page.` : "You may close this page."}
      </p>
      <LookBack labeling={labeling} />
    </Panel>
  );
}

// The last answers, for second thoughts.
function LookBack({ labeling }: { labeling: Labeling }): JSX.Element {
  const { history, batch } = labeling;
  if (history.length === 0) return <div class="acts"><Ways labeling={labeling} /></div>;
  const back: Back = (given) => labeling.undo(given);
  return (
    <>
      {batch.length > 0 ? <Tally answers={batch} /> : null}
      {batch.length > 0 ? <Review answers={batch} back={back} /> : null}
      <div class="acts"><Act other click={() => back()}>Take the last answer back</Act><Ways labeling={labeling} /></div>
    </>
  );
}

// The header lies behind the panel, out of reach for keys.
function ToProgress({ run }: { run: string }): JSX.Element {
  return <a class="other loop" href={`#/run/${run}/progress`}>Progress</a>;
}

// Where an admin goes on from here.
function Ways({ labeling: { run, isOver, reply } }: { labeling: Labeling }): JSX.Element {
  return (
    <>
      <ToProgress run={run} />
      {isOver ? <a class="other admin loop" href={`#/run/${run}/finish`}>What came of it</a>
        : reply?.progress.positives === 0 ? <a class="other admin loop" href={`#/run/${run}/seed`}>Search</a> : null}
    </>
  );
}

function UnknownRun({ waiting }: { waiting: number }): JSX.Element {
  return (
    <Panel>
      <h1>The labeler does not know this run</h1>
      <p>It may use another label store than before. This page looks again by itself.</p>
      {waiting > 0 ? <p class="strong">{counted(waiting, "answer is", "answers are")} kept in this browser.</p> : null}
      <div class="acts"><a class="other" href="#/">Show all runs</a></div>
    </Panel>
  );
}
