// The keyboard of the swipe page: what each key does, and how a person gives it another one. A key held down counts once.

import { recall, remember } from "../core/memory";

export const ACTIONS = {
  positive: ["Yes", "ArrowRight"],
  negative: ["No", "ArrowLeft"],
  unsure: ["Unsure", "ArrowDown"],
  undo: ["Take back", "u"],
  back: ["Look at the last answers", "b"],
  guide: ["The question, explained", "g"],
  flag: ["Flag this image", "f"],
  note: ["A note on this image", "n"],
  levels: ["Brighten a dark image", "l"],
  closer: ["Zoom in", "+"],
  further: ["Zoom out", "-"],
  whole: ["The whole image", "0"],
  menu: ["All of this", "?"],
} as const;

export type Action = keyof typeof ACTIONS;
export type Keys = Record<Action, string>;

const FIXED = new Set(["Enter", "Escape", "Tab", " ", "Shift", "Control", "Alt", "Meta", "ArrowUp"]); // for the browser, and for buttons
const SHOWN: Record<string, string> = { ArrowRight: "→", ArrowLeft: "←", ArrowDown: "↓" };

export function load(): Keys {
  const own = recall<Partial<Keys>>("keys") ?? {};
  return Object.fromEntries(Object.entries(ACTIONS).map(([action, [, key]]) => [action, own[action as Action] ?? key])) as Keys;
}

// Another key for an action; the action that had it gets this one's. False where the key cannot be had.
export function assign(keys: Keys, action: Action, key: string): Keys | null {
  if (FIXED.has(key)) return null;
  const wanted = normal(key);
  const other = (Object.keys(keys) as Action[]).find((each) => keys[each] === wanted);
  const next = { ...keys, ...(other === undefined ? {} : { [other]: keys[action] }), [action]: wanted };
  remember("keys", next);
  return next;
}

export function reset(): Keys {
  remember("keys", null);
  return load();
}

export const shown = (key: string): string => SHOWN[key] ?? (key.length === 1 ? key.toUpperCase() : key);

export const shortcut = (key: string): string => (key.length === 1 ? key.toUpperCase() : key);

// What the key of an event means; null: nothing here.
export function meant(keys: Keys, event: KeyboardEvent): Action | null {
  if (event.altKey) return null;
  const key = normal(event.key);
  if (event.ctrlKey || event.metaKey) return key === "z" && !event.shiftKey ? "undo" : null;
  if (event.shiftKey && event.key.length > 1) return null; // Shift and an arrow move the image
  return (Object.keys(keys) as Action[]).find((action) => keys[action] === key) ?? null;
}

const normal = (key: string): string => (key.length === 1 ? key.toLowerCase() : key);
