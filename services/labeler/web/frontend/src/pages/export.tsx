// The labels, the curated set and the model as they are now: what, and where they went.

import type { JSX } from "preact";
import { useCallback, useEffect, useState } from "preact/hooks";
import { call, Refused } from "../core/api";
import { SILENT } from "../core/words";
import { View } from "./view";

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

export function ExportPage({ run }: { run: string }): JSX.Element {
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
  const bar = <button type="button" class="main" disabled={working || chosen.size === 0} onClick={start}>{working ? "Exporting …" : "Export"}</button>;
  return (
    <View run={run} page="export" title="Export" bar={bar}>
      <p class="words">Everything as it is now; the run goes on. Files can be downloaded here; folders are written on the host.</p>
      <ul class="offered">
        {OFFERED.map(([, name, word]) => (
          <li key={name}><label><input type="checkbox" checked={chosen.has(name)} onChange={() => turn(name)} />{word}</label></li>
        ))}
      </ul>
      <div role="status">
        {trouble ? <p class="failed">{trouble}</p> : null}
        {asked && status?.state === "failed" ? <p class="failed">{status.text}</p> : null}
        {status?.state === "done" ? <Done run={run} status={status} /> : null}
      </div>
    </View>
  );
}

function Done({ run, status }: { run: string; status: Status }): JSX.Element {
  return (
    <>
      <h2>Exported</h2>
      <ul class="files">
        {status.files.map((name) => <li key={name}><a class="other" download={name} href={`api/runs/${run}/download?name=${name}`}>Download {name}</a></li>)}
      </ul>
      <pre>{status.text}</pre>
    </>
  );
}
