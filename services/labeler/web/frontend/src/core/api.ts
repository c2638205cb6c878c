// Speaking with the labeler. All addresses are relative, so that the page works behind any prefix.

const PATIENCE_MS = 15000;
const LATER = [401, 408, 421, 429];

// The labeler did not answer at all.
export class Gone extends Error {}

// The labeler answered with a sentence why not.
export class Refused extends Error {
  constructor(readonly status: number, sentence: string) {
    super(sentence);
  }

  // Whether the same will never be taken: not where a token no longer holds, or the labeler had no time for it.
  get forGood(): boolean { return this.status < 500 && !LATER.includes(this.status); }
}

export async function call<T>(path: string, body?: unknown): Promise<T> {
  const request: RequestInit = { signal: AbortSignal.timeout(PATIENCE_MS), cache: "no-store" };
  if (body !== undefined) {
    request.method = "POST";
    request.headers = { "Content-Type": "application/json" };
    request.body = JSON.stringify(body);
  }
  let response: Response;
  let answer: T & { error?: string };
  try {
    response = await fetch(path, request);
    answer = await response.json();
  } catch (error) {
    throw new Gone(String(error)); // a proxy's own page of HTML counts as no answer, too
  }
  if (!response.ok) throw new Refused(response.status, answer.error ?? `status ${response.status}`);
  return answer;
}

// The last words of a page that closes: the browser delivers them after it is gone.
export function farewell(path: string, body: unknown): void {
  const words = new Blob([JSON.stringify(body)], { type: "application/json" });
  navigator.sendBeacon(path, words);
}
