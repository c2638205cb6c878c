import type { Answer } from "./types";

// The keyboard: arrows answer, U or Ctrl+Z takes back, Enter goes on. A key that is held down counts once.

const ANSWERS: Record<string, Answer> = { ArrowRight: "positive", ArrowLeft: "negative", ArrowDown: "unsure" };

interface Acts {
  answer: (answer: Answer) => void;
  undo: () => void;
  enter: () => void;
}

export function listen({ answer, undo, enter }: Acts): void {
  document.addEventListener("keydown", (event) => {
    if (event.repeat || (event.target as Element).closest?.("input")) return;
    const control = event.ctrlKey || event.metaKey;
    const plain = !control && !event.altKey && !event.shiftKey;
    let act: (() => void) | null = null;
    const meant = ANSWERS[event.key];
    if (plain && meant !== undefined) act = () => answer(meant);
    else if (plain && event.key.toLowerCase() === "u") act = undo;
    else if (control && !event.altKey && !event.shiftKey && event.key.toLowerCase() === "z") act = undo;
    else if (plain && event.key === "Enter" && !(event.target as Element).closest?.("button, a")) act = enter;
    if (act === null) return;
    event.preventDefault();
    act();
  });
}
