// Which key does what, and giving an action another one.

import type { JSX } from "preact";
import { useLayoutEffect, useState } from "preact/hooks";
import { ACTIONS, assign, reset, shown, type Action, type Keys } from "./keys";
import { toast } from "../core/notices";
import { Act, Panel } from "./panel";

interface Props {
  keys: Keys;
  setKeys: (keys: Keys) => void;
  close: () => void;
}

export function KeyTable({ keys, setKeys, close }: Props): JSX.Element {
  const [waiting, setWaiting] = useState<Action | null>(null);
  useLayoutEffect(() => {
    if (waiting === null) return undefined;
    const key = (event: KeyboardEvent): void => {
      if (["Shift", "Control", "Alt", "Meta"].includes(event.key)) return;
      event.preventDefault();
      event.stopPropagation();
      setWaiting(null);
      if (event.key === "Escape") return;
      const next = assign(keys, waiting, event.key);
      if (next === null) toast("That key belongs to the browser; take another one");
      else setKeys(next);
    };
    document.addEventListener("keydown", key, true);
    return () => document.removeEventListener("keydown", key, true);
  }, [waiting, keys]);
  return (
    <Panel enter={close} escape={close}>
      <h1>Keys</h1>
      <p role="status">{waiting === null ? "Choose an action, then press its new key." : `Press the key for “${ACTIONS[waiting][0]}”; Escape leaves it.`}</p>
      <div class="keys">
        {(Object.keys(ACTIONS) as Action[]).map((action) => (
          <button key={action} type="button" class="other" aria-pressed={waiting === action} onClick={() => setWaiting(action)}>
            <span>{ACTIONS[action][0]}</span><kbd>{shown(keys[action])}</kbd>
          </button>
        ))}
      </div>
      <div class="acts">
        <Act click={close}>Done</Act>
        <Act other click={() => setKeys(reset())}>As they were</Act>
      </div>
    </Panel>
  );
}
