// Arrays of the whole data set, as they come: numbers, no JSON.

import { Gone, Refused } from "../api.js";

async function bytes(path) {
  let response;
  try {
    response = await fetch(path, { cache: "no-store", signal: AbortSignal.timeout(60000) });
  } catch (error) {
    throw new Gone(String(error));
  }
  if (!response.ok) throw new Refused(response.status, (await response.json().catch(() => ({}))).error ?? `status ${response.status}`);
  return response.arrayBuffer();
}

// The images that fit, in order; filters: label, low, high, round, annotator, disagreement, sort.
export async function items(run, filters) {
  const given = Object.entries(filters).filter(([, value]) => value !== undefined && value !== "" && value !== false);
  return new Uint32Array(await bytes(`api/runs/${run}/items?${new URLSearchParams(given)}`));
}

export async function labels(run) {
  return new Uint8Array(await bytes(`api/runs/${run}/labels`));
}
