// What all pages that look at the whole data set share: a title, the ways to the others, tools, a body, and a bar.

import type { ComponentChildren, JSX } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { offered, PAGES } from "./rail";

interface Props {
  run: string;
  page: string;
  title: string;
  tools?: ComponentChildren;
  bar?: ComponentChildren;
  fixed?: boolean; // the body scrolls nothing by itself
  children: ComponentChildren;
}

export function View({ run, page, title, tools, bar, fixed = false, children }: Props): JSX.Element {
  const root = useRef<HTMLElement>(null);
  useEffect(() => {
    root.current?.focus();
    for (const here of root.current?.querySelectorAll("[aria-current]") ?? []) here.scrollIntoView({ block: "nearest", inline: "center" });
  }, []);
  return (
    <main class="view" tabIndex={-1} ref={root}>
      <header>
        <h1>{title}</h1>
        <nav aria-label="Pages">
          {PAGES.map((way) => (
            <a key={way.word} href={`#/run/${run}/${way.name}`} class={offered(way)} aria-current={way.name === page ? "page" : undefined}>{way.word}</a>
          ))}
        </nav>
      </header>
      <div class="tools">{tools}</div>
      <div class={fixed ? "body fixed" : "body"}>{children}</div>
      <footer class="bar">{bar}</footer>
    </main>
  );
}
