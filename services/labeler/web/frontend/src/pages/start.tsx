// A new run: which images, what is looked for, and how far it is until there is something to label.

import type { JSX } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { call, Refused } from "../core/api";
import { counted, SILENT } from "../core/words";
import { Panel } from "../label/panel";
import { small } from "../views/picture";

const AGAIN_MS = 1000;
const EMPTY_MS = 3000;

interface Thing { number: number; name: string }
export interface Prepared { data: Thing[]; configuration: Thing[]; encoder: Thing[] }
interface Course { state: string; step: string; done: number; total: number; per_second: number | null; message: string }

const said = (error: unknown): string => (error instanceof Refused ? error.message : SILENT);

export function Start(): JSX.Element {
  const [prepared, setPrepared] = useState<Prepared | null>(null);
  const [run, setRun] = useState<string | null>(null);
  const [trouble, setTrouble] = useState("");
  const isEmpty = prepared?.data.length === 0;
  const [looked, setLooked] = useState(0);
  useEffect(() => {
    const look = (): void => {
      call<Prepared>("api/prepared").then(setPrepared, (error) => setTrouble(said(error))).finally(() => setLooked((times) => times + 1));
    };
    if (looked === 0) look();
    else if (isEmpty) { // until somebody has put images there
      const timer = window.setTimeout(look, EMPTY_MS);
      return () => clearTimeout(timer);
    }
    return undefined;
  }, [looked, isEmpty]);
  if (run !== null) return <Begun run={run} again={() => setRun(null)} />;
  if (prepared === null) return <Panel><p role="status">{trouble || "Loading …"}</p></Panel>;
  if (isEmpty) return <Empty />;
  return <Form prepared={prepared} started={setRun} />;
}

function Empty(): JSX.Element {
  return (
    <Panel>
      <h1>There are no images to choose from</h1>
      <p>Put them beside the compose file, each data set in a folder of its own; this page goes on by itself:</p>
      <p><code>cp -r FOLDER data/</code></p>
      <p>Where the folder of data sets is another one, <code>ACTIVE_LABELER_DATA</code> names it, and without containers <code>ACTIVE_LABELER_PREPARED__DATA</code>.</p>
      <div class="acts"><a class="other" href="#/">All runs</a></div>
    </Panel>
  );
}

function Form({ prepared, started }: { prepared: Prepared; started: (run: string) => void }): JSX.Element {
  const [picture, setPicture] = useState("");
  const [shown, setShown] = useState(""); // address of the file in this tab: the policy lets no other picture in
  const [trouble, setTrouble] = useState("");
  const [working, setWorking] = useState(false);
  const newest = useRef<File | undefined | null>(null); // null: this form has gone
  useEffect(() => () => { newest.current = null; }, []);
  useEffect(() => () => URL.revokeObjectURL(shown), [shown]);
  const choose = async (file: File | undefined): Promise<void> => {
    newest.current = file;
    const found = file === undefined ? "" : await small(file);
    if (newest.current !== file) return; // another one was chosen meanwhile
    setTrouble(found === null ? `This browser cannot show ${file?.name}; save it as JPEG or PNG` : "");
    setPicture(found ?? "");
    setShown(file !== undefined && found ? URL.createObjectURL(file) : "");
  };
  const submit = async (form: HTMLFormElement): Promise<void> => {
    const values = new FormData(form);
    const number = (name: string): number => Number(values.get(name) ?? 0);
    const text = (name: string): string => String(values.get(name) ?? "");
    setWorking(true);
    setTrouble("");
    try {
      started((await call<{ run: string }>("api/start", {
        data: number("data"), configuration: number("configuration"), encoder: number("encoder"),
        name: text("name"), question: text("question"), definition: text("definition"), picture,
      })).run);
    } catch (error) {
      setTrouble(said(error));
      setWorking(false);
    }
  };
  return (
    <Panel>
      <h1>Start a run</h1>
      <form onSubmit={(event) => { event.preventDefault(); void submit(event.currentTarget); }}>
        <Choice name="data" word="Data set" things={prepared.data} />
        <label>What people are asked about each image<input name="question" maxLength={500} placeholder="Is there a crater?" /></label>
        <label>What counts as yes, and what does not (may be empty)<textarea name="definition" rows={3} maxLength={5000} /></label>
        <label class="file">
          One image of what you look for; without one, the search begins with images that are unlike each other
          <input type="file" accept="image/*" onChange={(event) => void choose(event.currentTarget.files?.[0])} />
        </label>
        {shown ? <img class="reference" alt="What you look for" src={shown} /> : null}
        <Choice name="encoder" word="Encoder" none={prepared.configuration.length > 0 ? "As the configuration says, or the default" : "The default, from the Hugging Face hub"} things={prepared.encoder} />
        {prepared.configuration.length > 0 ? <Choice name="configuration" word="Configuration" none="None: the defaults" things={prepared.configuration} /> : null}
        <label>Name of the run (may be empty)<input name="name" maxLength={200} /></label>
        <p class="failed" role="alert">{trouble}</p>
        <div class="acts"><button class="main" disabled={working}>{working ? "Starting …" : "Start"}</button><a class="other" href="#/">Back</a></div>
      </form>
    </Panel>
  );
}

function Choice({ name, word, things, none }: { name: string; word: string; things: Thing[]; none?: string }): JSX.Element {
  return (
    <label>
      {word}
      <select name={name}>
        {none === undefined ? null : <option value={0}>{none}</option>}
        {things.map((thing) => <option key={thing.number} value={thing.number}>{thing.name}</option>)}
      </select>
    </label>
  );
}

// Until there is something to label; then the page goes there by itself.
function Begun({ run, again }: { run: string; again: () => void }): JSX.Element {
  const [course, setCourse] = useState<Course | null>(null);
  const [silent, setSilent] = useState("");
  useEffect(() => {
    let gone = false;
    let timer: number | undefined;
    const look = async (): Promise<void> => {
      try {
        const found = await call<Course>(`api/runs/${run}/course`);
        if (gone) return;
        if (["labeling", "finished", "asking"].includes(found.state)) location.replace(`#/run/${run}`); // to the step that it is at
        setCourse(found);
        setSilent("");
        if (found.state === "failed" || found.state === "stopped") return;
      } catch (error) {
        if (gone) return;
        setSilent(said(error));
      }
      timer = window.setTimeout(look, AGAIN_MS);
    };
    void look();
    return () => { gone = true; clearTimeout(timer); };
  }, [run]);
  if (course?.state === "failed" || course?.state === "stopped") {
    return (
      <Panel>
        <h1>The run has not begun</h1>
        <p class="failed" role="alert">{course.message}</p>
        <div class="acts"><button type="button" class="main" onClick={again}>Choose again</button></div>
      </Panel>
    );
  }
  return (
    <Panel>
      <h1>The run is on its way</h1>
      <p role="status">{silent || course?.step || "Starting …"}</p>
      {course !== null && course.total > 0 ? <Bar course={course} /> : null}
      <p>This page goes on by itself once there is something to label; it may be closed meanwhile.</p>
    </Panel>
  );
}

function Bar({ course }: { course: Course }): JSX.Element {
  const pace = course.per_second === null ? "" : `, ${counted(Math.round(course.per_second), "image")} a second`;
  return (
    <label>
      {`${course.done.toLocaleString("en")} of ${counted(course.total, "image")}${pace}`}
      <progress max={course.total} value={course.done} />
    </label>
  );
}
