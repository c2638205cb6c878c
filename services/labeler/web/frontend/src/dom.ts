// Making elements. Text from outside only ever becomes text.

// An element of index.html.
export const find = <T extends HTMLElement = HTMLElement>(id: string): T => document.getElementById(id) as T;

// make("p", {class: "strong"}, "text", element...): attributes that are functions become listeners ("click").
type Attribute = string | boolean | undefined | ((event: never) => unknown);
type Child = Node | string | null | undefined;

export function make<K extends keyof HTMLElementTagNameMap>(
  tag: K, attributes: Record<string, Attribute> = {}, ...children: Child[]
): HTMLElementTagNameMap[K] {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === "function") element.addEventListener(name, value as EventListener);
    else if (value !== false && value !== undefined) element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.filter((child) => child !== null && child !== undefined) as (Node | string)[]);
  return element;
}

export const counted = (number: number, one: string, many = `${one}s`): string => `${number.toLocaleString("en")} ${number === 1 ? one : many}`;

let hiding: number | undefined;

// A short word at the lower edge.
export function toast(text: string): void {
  const element = find("toast");
  element.textContent = text;
  element.hidden = false;
  clearTimeout(hiding);
  hiding = window.setTimeout(() => { element.hidden = true; }, 2500);
}

export function hush(): void {
  find("toast").hidden = true;
}

// A sentence that stays while it is true; null takes it away.
export function banner(text: string | null): void {
  const element = find("banner");
  element.hidden = text === null;
  if (text !== null && element.textContent !== text) element.textContent = text;
}
