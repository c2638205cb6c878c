// A note on the image on the table.

import type { JSX } from "preact";
import { useEffect, useRef } from "preact/hooks";
import type { Labeling } from "./labeling";
import { Act, Panel } from "./panel";

export function Note({ labeling, close }: { labeling: Labeling; close: () => void }): JSX.Element {
  const field = useRef<HTMLTextAreaElement>(null);
  useEffect(() => field.current?.focus(), []);
  const keep = (): void => {
    void labeling.note(field.current?.value.trim() ?? "");
    close();
  };
  const key = (event: KeyboardEvent): void => {
    if (event.key === "Enter" && !event.shiftKey) {
      event.preventDefault();
      keep();
    }
  };
  return (
    <Panel escape={close}>
      <h1>A note on this image</h1>
      <label>{labeling.deck.current?.name ?? ""}<textarea ref={field} maxLength={500} rows={3} onKeyDown={key} /></label>
      <div class="acts">
        <Act click={keep}>Keep the note</Act>
        <Act other click={close}>Leave it</Act>
      </div>
    </Panel>
  );
}
