// Numbers along a picture: upwards and to the right, evenly spaced. Whoever cannot see them is told by the picture's own words.

import type { ComponentChildren, JSX } from "preact";

interface Props {
  up: string[]; // from the bottom
  along: string[]; // from the left
  children: ComponentChildren;
}

export function Axes({ up, along, children }: Props): JSX.Element {
  return (
    <div class="axes">
      <div class="up" aria-hidden="true">{[...up].reverse().map((word) => <span key={word}>{word}</span>)}</div>
      <div class="plot">{children}</div>
      <div class="along" aria-hidden="true">{along.map((word) => <span key={word}>{word}</span>)}</div>
    </div>
  );
}

// 0, the middle where it is a whole number, and the most.
export function numbers(most: number): string[] {
  return (most % 2 === 0 && most > 0 ? [0, most / 2, most] : [0, most]).map((number) => number.toLocaleString("en"));
}
