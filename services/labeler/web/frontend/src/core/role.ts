// What this browser may do, as the labeler says; the labeler decides all the same.

import { useEffect, useState } from "preact/hooks";
import { call } from "./api";
import { recall } from "./memory";

const asked = call<{ role: string; loop?: boolean }>("api/me");
const told = asked.then(({ role }) => role, () => null);

// What the labeler calls this browser, "admin" or "annotator"; null where it does not answer.
export const role = (): Promise<string | null> => told;

// Whether there is a loop to ask.
export const hasLoop = (): Promise<boolean> => asked.then(({ loop }) => loop !== false, () => false);

// What only an admin may do is not offered to others.
void told.then((role) => { if (role !== null) document.documentElement.dataset.role = role; });

// Nor is what only a loop can do, where there is none.
void asked.then(({ loop }) => { if (loop === false) document.documentElement.dataset.loop = "none"; }, () => undefined);

// Whether whoever looks sees no other answers than their own; null until it is known.
export function useOwnOnly(): boolean | null {
  const [own, setOwn] = useState<boolean | null>(null);
  useEffect(() => { void told.then((role) => setOwn(role === "annotator")); }, []);
  return own;
}

// Whose answers are meant where one sees only one's own.
export const myName = (): string => recall<string>("annotator") ?? "";
