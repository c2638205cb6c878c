// Arrays of the whole data set, as they come: numbers, no JSON.

import { Gone, Refused } from "./api";
import { myName } from "./role";

async function bytes(path: string, cache: RequestCache = "no-store"): Promise<ArrayBuffer> {
  let response: Response;
  try {
    response = await fetch(path, { cache, signal: AbortSignal.timeout(600000) });
  } catch (error) {
    throw new Gone(String(error));
  }
  if (!response.ok) throw new Refused(response.status, ((await response.json().catch(() => ({}))) as { error?: string }).error ?? `status ${response.status}`);
  return response.arrayBuffer();
}

// The images that fit, in order; filters: label, low, high, round, annotator, disagreement, sort.
export async function items(run: string, filters: Record<string, string | boolean | undefined>): Promise<Uint32Array> {
  const given = Object.entries(filters).filter(([, value]) => value !== undefined && value !== "" && value !== false);
  return new Uint32Array(await bytes(`api/runs/${run}/items?${new URLSearchParams(given as [string, string][])}`));
}

// All of them, or one's own where one sees no others.
export async function labels(run: string): Promise<Uint8Array> {
  return new Uint8Array(await bytes(`api/runs/${run}/labels?${new URLSearchParams({ annotator: myName() })}`));
}

// Probabilities; not-a-number where there is none.
export async function scores(run: string): Promise<Float32Array> {
  return new Float32Array(await bytes(`api/runs/${run}/scores`));
}

// The round of the newest answer; -1 where there is none.
export async function rounds(run: string): Promise<Int32Array> {
  return new Int32Array(await bytes(`api/runs/${run}/rounds`));
}

// x and y of each image on the map, 65535 where it has no place; the browser keeps them until they change.
export async function points(run: string): Promise<Uint16Array> {
  return new Uint16Array(await bytes(`api/runs/${run}/map`, "no-cache"));
}
