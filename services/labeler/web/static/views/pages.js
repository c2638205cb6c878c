// The pages that look at the whole data set, by the word in their address.

import { Browse } from "./browse.js";
import { GridPage } from "./grid.js";
import { Seed } from "./seed.js";

export function open(page, run, item) {
  if (page === "browse") return new Browse(run);
  if (page === "grid") return new GridPage(run);
  return new Seed(run, item);
}
