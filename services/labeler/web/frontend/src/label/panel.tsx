// What stands in the place of the image when there is none: one panel at a time. Enter does what its main button does.

import type { ComponentChildren, JSX } from "preact";
import { useLayoutEffect, useRef } from "preact/hooks";

interface Props {
  children: ComponentChildren;
  enter?: (() => void) | undefined; // what Enter does
  escape?: (() => void) | undefined; // what Escape does
}

export function Panel({ children, enter, escape }: Props): JSX.Element {
  const acts = useRef<Pick<Props, "enter" | "escape">>({});
  acts.current = { enter, escape };
  useLayoutEffect(() => {
    const key = (event: KeyboardEvent): void => {
      if (event.repeat || event.defaultPrevented) return;
      const target = event.target as Element;
      const act = event.key === "Escape" ? acts.current.escape
        : event.key === "Enter" && !target.closest?.("button, a, input, textarea") ? acts.current.enter : undefined;
      if (act === undefined) return;
      event.preventDefault();
      act();
    };
    document.addEventListener("keydown", key);
    return () => document.removeEventListener("keydown", key);
  }, []);
  return <main id="panel"><div>{children}</div></main>;
}

interface ActProps {
  children: ComponentChildren;
  click: () => void;
  other?: boolean; // not the main one
}

export function Act({ children, click, other = false }: ActProps): JSX.Element {
  return <button type="button" class={other ? "other" : "main"} onClick={click}>{children}</button>;
}
