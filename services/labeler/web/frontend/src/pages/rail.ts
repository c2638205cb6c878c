// The pages of a run, in the order in which they are offered.

export interface Page {
  name: string;
  word: string;
  only?: "admin" | "annotator"; // whom it is offered to
}

export const PAGES: Page[] = [
  { name: "label", word: "Label" }, { name: "browse", word: "Your answers", only: "annotator" },
  { name: "seed", word: "Search", only: "admin" }, { name: "grid", word: "Grid", only: "admin" }, { name: "browse", word: "Browse", only: "admin" },
  { name: "map", word: "Map", only: "admin" }, { name: "people", word: "People", only: "admin" }, { name: "progress", word: "Progress" },
  { name: "finish", word: "Finish", only: "admin" },
];
