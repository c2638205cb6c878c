// The link that lets others in, to be passed on.

import type { JSX } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { call } from "../core/api";
import { toast } from "../core/notices";

interface Links { annotator: string; local: boolean }

export function Invite(): JSX.Element | null {
  const [links, setLinks] = useState<Links | null>(null);
  const field = useRef<HTMLInputElement>(null);
  useEffect(() => { call<Links>("api/links").then(setLinks, () => undefined); }, []);
  if (links === null) return null;
  if (links.local) return <p class="words">Only this machine opens the page. Start the run with --share, and others can take part.</p>;
  const copy = async (): Promise<void> => {
    if (!await copied(field.current, links.annotator)) toast("Copy the marked link");
    else toast("Copied: whoever opens it may label");
  };
  return (
    <form class="invite" onSubmit={(event) => { event.preventDefault(); void copy(); }}>
      <label>Link for whoever shall label<input ref={field} readOnly value={links.annotator} onFocus={(event) => event.currentTarget.select()} /></label>
      <button class="other">Copy</button>
      <figure>
        <img src="api/links/code" alt="The same link, to be scanned by a phone" draggable={false} />
        <figcaption>Point a phone's camera here, and it opens the link.</figcaption>
      </figure>
    </form>
  );
}

// Over plain http a page may not use the clipboard; the old way works there.
async function copied(field: HTMLInputElement | null, text: string): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    field?.select();
    return document.execCommand("copy");
  }
}
