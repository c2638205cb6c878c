// Who answers.

import type { JSX } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { Panel } from "./panel";

interface Props {
  question: string;
  name: string;
  done: (name: string) => void;
}

export function AskName({ question, name, done }: Props): JSX.Element {
  const field = useRef<HTMLInputElement>(null);
  useEffect(() => field.current?.focus(), []);
  const submit = (): void => done(field.current?.value.trim() ?? "");
  return (
    <Panel enter={submit}>
      <h1>{question || "Label images"}</h1>
      <form onSubmit={(event) => { event.preventDefault(); submit(); }}>
        <label>
          Your name goes with your answers; this browser remembers it.
          <input ref={field} name="name" maxLength={60} autoComplete="name" autoCapitalize="words" defaultValue={name} />
        </label>
        <div class="acts"><button class="main">Start</button></div>
      </form>
    </Panel>
  );
}
