// The pages of a run, in the order in which they are offered.

export interface Page {
  name: string;
  word: string;
  only?: "admin" | "annotator"; // whom it is offered to
  loop?: true; // offered where there is a loop: a folder that people sort has none
}

// The classes by which it is offered.
export const offered = ({ only, loop }: Page): string => [only, loop && "loop"].filter(Boolean).join(" ");

export const PAGES: Page[] = [
  { name: "label", word: "Label" }, { name: "browse", word: "Your answers", only: "annotator" },
  { name: "seed", word: "Search", only: "admin", loop: true }, { name: "grid", word: "Grid", only: "admin", loop: true }, { name: "browse", word: "Browse", only: "admin" },
  { name: "map", word: "Map", only: "admin", loop: true }, { name: "people", word: "People", only: "admin" }, { name: "progress", word: "Progress", loop: true },
  { name: "finish", word: "Finish", only: "admin", loop: true },
];
