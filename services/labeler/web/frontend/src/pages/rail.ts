// The pages of a run, in the order in which they are offered.

export const PAGES: { name: string; word: string; admin?: boolean }[] = [
  { name: "label", word: "Label" }, { name: "seed", word: "Search" }, { name: "grid", word: "Grid" }, { name: "browse", word: "Browse" },
  { name: "map", word: "Map", admin: true }, { name: "people", word: "People", admin: true }, { name: "export", word: "Export", admin: true },
  { name: "progress", word: "Progress" },
];
