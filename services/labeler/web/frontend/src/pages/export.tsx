// The labels, the curated set and the model as they are now: what, and where they went.

import type { JSX } from "preact";
import { useCallback, useEffect, useState } from "preact/hooks";
import { call, Refused } from "../core/api";
import { SILENT } from "../core/words";

const AGAIN_MS = 1000;
type Kind = "formats" | "models";

const OFFERED: [Kind, string, string][] = [
  ["formats", "csv", "CSV: a row for each image"],
  ["formats", "jsonl", "JSON Lines: every answer, with who and when"],
  ["formats", "notes", "Flags and notes"],
  ["formats", "parquet", "Parquet: as the CSV"],
  ["formats", "coco", "COCO"],
  ["formats", "folders", "final_dataset: folders of images"],
  ["formats", "imagefolder", "Hugging Face ImageFolder"],
  ["formats", "labelstudio", "Label Studio"],
  ["formats", "fiftyone", "FiftyOne"],
  ["models", "ckpt", "The model, PyTorch"],
  ["models", "safetensors", "The model, safetensors"],
  ["models", "onnx", "The model, ONNX"],
];

interface Status { state: "" | "working" | "done" | "failed"; text: string; files: string[] }

// can: whether the run is still there to be exported. The button stands where the page wants it.
export function useExport(run: string, can: boolean): { body: JSX.Element; bar: JSX.Element | null } {
  const [status, setStatus] = useState<Status | null>(null);
  const [trouble, setTrouble] = useState("");
  const [asked, setAsked] = useState(false); // an earlier failure is none of this visit
  const [chosen, setChosen] = useState<ReadonlySet<string>>(new Set(["csv", "jsonl"]));
  const ask = useCallback(async (body?: object): Promise<void> => {
    try {
      setStatus(await call<Status>(`api/runs/${run}/export`, body));
      setTrouble("");
    } catch (error) {
      setTrouble(error instanceof Refused ? error.message : SILENT);
      if (error instanceof Refused) setStatus(null);
      else setStatus((before) => before && { ...before }); // whoever waits asks again
    }
  }, [run]);
  useEffect(() => void ask(), [ask]);
  useEffect(() => {
    if (status?.state !== "working") return;
    const timer = setTimeout(() => void ask(), AGAIN_MS);
    return () => clearTimeout(timer);
  }, [status, ask]);

  const turn = (name: string): void => setChosen((before) => {
    const after = new Set(before);
    if (!after.delete(name)) after.add(name);
    return after;
  });
  const start = (): void => {
    setAsked(true);
    setTrouble("");
    setStatus({ state: "working", text: "", files: [] });
    const of = (kind: Kind): string[] => OFFERED.filter(([which, name]) => which === kind && chosen.has(name)).map(([, name]) => name);
    void ask({ formats: of("formats"), models: of("models") });
  };
  const working = status?.state === "working";
  const bar = can
    ? <button type="button" class="main" disabled={working || chosen.size === 0} onClick={start}>{working ? "Exporting …" : "Export"}</button> : null;
  const body = (
    <>
      {can ? <Choice chosen={chosen} turn={turn} /> : null}
      <div role="status">
        {trouble ? <p class="failed">{trouble}</p> : null}
        {asked && status?.state === "failed" ? <p class="failed">{status.text}</p> : null}
        {status?.state === "done" ? <Done run={run} status={status} /> : null}
      </div>
    </>
  );
  return { body, bar };
}

function Choice({ chosen, turn }: { chosen: ReadonlySet<string>; turn: (name: string) => void }): JSX.Element {
  return (
    <>
      <h2>Export</h2>
      <p class="words">Everything as it is now; the run goes on. Files can be downloaded here; folders are written on the host. Images are named relative to the data, with their SHA-256.</p>
      <ul class="offered">
        {OFFERED.map(([, name, word]) => (
          <li key={name}><label><input type="checkbox" checked={chosen.has(name)} onChange={() => turn(name)} />{word}</label></li>
        ))}
      </ul>
    </>
  );
}

function Done({ run, status }: { run: string; status: Status }): JSX.Element {
  const lines = loading(status.files);
  return (
    <>
      <h2>Exported</h2>
      <ul class="files">
        {status.files.length > 1 ? <li><a class="main" download href={`api/runs/${run}/archive`}>Download all in one</a></li> : null}
        {status.files.map((name) => <li key={name}><a class="other" download={name} href={`api/runs/${run}/download?name=${name}`}>Download {name}</a></li>)}
      </ul>
      <pre>{status.text}</pre>
      {lines.length > 1 ? <h2>In a notebook</h2> : null}
      {lines.length > 1 ? <pre class="code">{lines.join("\n")}</pre> : null}
    </>
  );
}

// What loads labels and model in Python, of what was exported.
function loading(files: string[]): string[] {
  const [labels, model] = [files.includes("images.csv"), files.includes("final_model.ckpt")];
  return [
    `import ${[...(model ? ["active_labeler"] : []), ...(labels ? ["pandas"] : [])].join(", ")}`,
    ...(labels ? ['images = pandas.read_csv("images.csv")'] : []),
    ...(model ? ['model = active_labeler.load_model("final_model.ckpt")'] : []),
  ];
}
