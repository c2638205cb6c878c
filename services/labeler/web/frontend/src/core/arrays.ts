// Arrays of the whole data set, as they come: numbers, no JSON.

import { Gone, Refused } from "./api";

async function bytes(path: string): Promise<ArrayBuffer> {
  let response: Response;
  try {
    response = await fetch(path, { cache: "no-store", signal: AbortSignal.timeout(60000) });
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

export async function labels(run: string): Promise<Uint8Array> {
  return new Uint8Array(await bytes(`api/runs/${run}/labels`));
}
