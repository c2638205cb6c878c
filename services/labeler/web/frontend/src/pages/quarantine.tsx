// The images that were set aside because they cannot be read: by name, with the reason.

import type { JSX } from "preact";
import { useCallback, useEffect, useState } from "preact/hooks";
import { call, Refused } from "../core/api";
import { counted, SILENT } from "../core/words";
import { View } from "./view";

const PAGE = 100;

interface Aside { item: number; path: string; reason: string }
interface Answer { total: number; kinds: [string, number][]; images: Aside[] }

export function Quarantine({ run }: { run: string }): JSX.Element {
  const [answer, setAnswer] = useState<Answer | null>(null);
  const [trouble, setTrouble] = useState("");
  const load = useCallback(async (before: Aside[]): Promise<void> => {
    try {
      const next = await call<Answer>(`api/runs/${run}/quarantine?first=${before.length}&count=${PAGE}`);
      setAnswer({ ...next, images: [...before, ...next.images] });
      setTrouble("");
    } catch (error) {
      setTrouble(error instanceof Refused ? error.message : SILENT);
    }
  }, [run]);
  useEffect(() => { void load([]); }, [load]);
  const { total = 0, kinds = [], images = [] } = answer ?? {};
  const words = total === 0
    ? "Every image could be read."
    : `${counted(total, "image")} cannot be read and ${total === 1 ? "is" : "are"} left out; quarantine.csv in the runtime folder names all.`;
  const more = images.length < total && images.length > 0
    ? <button type="button" class="other" onClick={() => void load(images)}>Show more</button> : null;
  return (
    <View run={run} page="quarantine" title="Set aside" bar={more}>
      <p class="words" role="status">{trouble || (answer === null ? "Loading …" : words)}</p>
      {images.length === 0 ? null : (
        <>
          <p class="words">{kinds.map(([kind, count]) => `${kind}: ${count.toLocaleString("en")}`).join(" · ")}</p>
          <table class="aside">
            <thead><tr><th scope="col">Image</th><th scope="col">Reason</th></tr></thead>
            <tbody>{images.map(({ item, path, reason }) => <tr key={item}><td>{path}</td><td>{reason}</td></tr>)}</tbody>
          </table>
        </>
      )}
    </View>
  );
}
