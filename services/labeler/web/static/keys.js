// The keyboard: arrows answer, U or Ctrl+Z takes back, Enter goes on. A key that is held down counts once.

const ANSWERS = { ArrowRight: "positive", ArrowLeft: "negative", ArrowDown: "unsure" };

export function listen({ answer, undo, enter }) {
  document.addEventListener("keydown", (event) => {
    if (event.repeat || event.target.closest?.("input")) return;
    const control = event.ctrlKey || event.metaKey;
    const plain = !control && !event.altKey && !event.shiftKey;
    let act = null;
    if (plain && event.key in ANSWERS) act = () => answer(ANSWERS[event.key]);
    else if (plain && event.key.toLowerCase() === "u") act = undo;
    else if (control && !event.altKey && !event.shiftKey && event.key.toLowerCase() === "z") act = undo;
    else if (plain && event.key === "Enter" && !event.target.closest?.("button, a")) act = enter;
    if (act === null) return;
    event.preventDefault();
    act();
  });
}
