// What a component draws and something else changes.

import { useEffect, useReducer } from "preact/hooks";

export class Model {
  private readonly listeners = new Set<() => void>();

  // Draws anew whoever shows this.
  changed(): void {
    for (const listener of [...this.listeners]) listener();
  }

  subscribe(listener: () => void): () => void {
    this.listeners.add(listener);
    return () => { this.listeners.delete(listener); };
  }
}

export function useModel<T extends Model>(model: T): T {
  const [, again] = useReducer((count: number) => count + 1, 0);
  useEffect(() => model.subscribe(() => again(undefined)), [model]);
  return model;
}
