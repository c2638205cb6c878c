// Answers on this browser's disk until the labeler has them: IndexedDB, one record an answer, by run and client.
// Where storage is blocked, they live until the tab closes, and `blocked` says so.

import { openDB, type DBSchema, type IDBPDatabase } from "idb";
import type { Given } from "./types";

const PLACE = location.pathname; // several labelers may live behind one address
const END = Number.MAX_SAFE_INTEGER;

export interface Kept extends Given {
  place: string;
  run: string;
  client: string;
  annotator: string;
}

interface Schema extends DBSchema {
  answers: { key: [string, string, string, number]; value: Kept };
  aside: { key: number; value: Kept };
}

let opening: Promise<IDBPDatabase<Schema> | null> | undefined;
export let blocked = false;

function database(): Promise<IDBPDatabase<Schema> | null> {
  opening ??= openDB<Schema>("active-labeler", 1, {
    upgrade(made) {
      made.createObjectStore("answers", { keyPath: ["place", "run", "client", "sequence"] });
      made.createObjectStore("aside", { autoIncrement: true });
    },
    terminated() { opening = undefined; }, // the browser has closed it: open it again
  }).catch(() => null);
  return opening;
}

async function attempt<T>(work: (open: IDBPDatabase<Schema>) => Promise<T>, otherwise: T): Promise<T> {
  try {
    const open = await database();
    if (open === null) throw new Error("no storage");
    const done = await work(open);
    blocked = false;
    return done;
  } catch {
    blocked = true;
    return otherwise;
  }
}

const range = (...of: string[]): IDBKeyRange => {
  const whole = [PLACE, ...of];
  const low = [...whole, ...Array(3 - whole.length).fill(""), -END] as [string, string, string, number];
  const high = [...whole, ...Array(3 - whole.length).fill("\uffff"), END] as [string, string, string, number];
  return IDBKeyRange.bound(low, high);
};

export function put(run: string, client: string, annotator: string, given: Given): Promise<void> {
  return attempt(async (open) => { await open.put("answers", { ...given, place: PLACE, run, client, annotator }); }, undefined);
}

// The labeler has these.
export function remove(run: string, client: string, sequences: number[]): Promise<void> {
  return attempt(async (open) => {
    const work = open.transaction("answers", "readwrite");
    for (const sequence of sequences) void work.store.delete([PLACE, run, client, sequence]);
    await work.done;
  }, undefined);
}

// What another load of this page has left behind, in order; empty where there is nothing.
export function left(run: string, own: string, most: number): Promise<Kept[]> {
  return attempt(async (open) => {
    let cursor = await open.transaction("answers").store.openCursor(range(run));
    const found: Kept[] = [];
    while (cursor !== null && found.length < most) {
      const kept = cursor.value;
      if (kept.client === own) cursor = await cursor.continue([PLACE, run, own, END]);
      else if (found.length > 0 && found[0]?.client !== kept.client) break;
      else {
        found.push(kept);
        cursor = await cursor.continue();
      }
    }
    return found;
  }, []);
}

// The labeler will not take these: out of the way, but not lost.
export function setAside(kept: Kept[]): Promise<void> {
  return attempt(async (open) => {
    const work = open.transaction(["answers", "aside"], "readwrite");
    for (const each of kept) {
      void work.objectStore("aside").add(each);
      void work.objectStore("answers").delete([each.place, each.run, each.client, each.sequence]);
    }
    await work.done;
  }, undefined);
}
