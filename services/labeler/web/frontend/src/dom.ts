// Making elements. Text from outside only ever becomes text.

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
