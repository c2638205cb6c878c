// What this browser remembers. Where storage is blocked, it remembers until the tab closes.

const PREFIX = `active-labeler:${location.pathname}:`; // several labelers may live behind one address

export let blocked = false;

export function recall<T>(name: string): T | null {
  try {
    const text = localStorage.getItem(PREFIX + name);
    return text === null ? null : (JSON.parse(text) as T);
  } catch {
    return null;
  }
}

export function remember(name: string, value: unknown): void {
  try {
    if (value === null) localStorage.removeItem(PREFIX + name);
    else localStorage.setItem(PREFIX + name, JSON.stringify(value));
    blocked = false;
  } catch {
    blocked = true;
  }
}

// The names that begin so, without the beginning.
export function remembered(beginning: string): string[] {
  try {
    const whole = PREFIX + beginning;
    return Object.keys(localStorage).filter((key) => key.startsWith(whole)).map((key) => key.slice(whole.length));
  } catch {
    return [];
  }
}

export function randomName(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(12));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
