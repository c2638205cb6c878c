// Making elements. Text from outside only ever becomes text.

export const find = (id) => document.getElementById(id);

// make("p", {class: "strong"}, "text", element...): attributes that are functions become listeners ("click").
export function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === "function") element.addEventListener(name, value);
    else if (value !== false && value !== undefined) element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.filter((child) => child !== null && child !== undefined));
  return element;
}

export const counted = (number, one, many = `${one}s`) => `${number.toLocaleString("en")} ${number === 1 ? one : many}`;

let hiding;

// A short word at the lower edge.
export function toast(text) {
  const element = find("toast");
  element.textContent = text;
  element.hidden = false;
  clearTimeout(hiding);
  hiding = setTimeout(() => { element.hidden = true; }, 2500);
}

export function hush() {
  find("toast").hidden = true;
}

// A sentence that stays while it is true; null takes it away.
export function banner(text) {
  const element = find("banner");
  element.hidden = text === null;
  if (text !== null && element.textContent !== text) element.textContent = text;
}
