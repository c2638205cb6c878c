// The pages that look at the whole data set, by the word in their address.

import { Browse } from "./browse";
import { Seed } from "./seed";

export function open(page: string, run: string, item?: number): { close: () => void } {
  if (page === "browse") return new Browse(run);
  return new Seed(run, item);
}
