// Elements are made here and nowhere else: what metadata says becomes text, never markup.

const TEXTS = JSON.parse(document.getElementById("texts").textContent);
const NUMBER = new Intl.NumberFormat(document.documentElement.lang);

/** The text of a key in the page's language, its {names} filled in. */
export function t(key, values = {}) {
  const text = TEXTS[key] ?? values.otherwise ?? key;
  return text.replace(/\{(\w+)\}/g, (whole, name) => {
    const value = values[name];
    return value === undefined ? whole : typeof value === "number" ? NUMBER.format(value) : value;
  });
}

/** The same for a number of things, of which one has words of its own. */
export const tn = (key, n, values = {}) => t(n === 1 && has(`${key}_one`) ? `${key}_one` : key, { n, ...values });

export const has = (key) => key in TEXTS;

/** An element with properties, listeners (`onclick`), `data`, `aria-*`, and children. */
export function h(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (value === undefined || value === null || value === false) continue;
    if (name === "data") Object.assign(element.dataset, value);
    else if (name === "style") for (const [at, to] of Object.entries(value)) element.style.setProperty(at, to);
    else if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name in element && !name.includes("-") && name !== "list") element[name] = value;
    else element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.flat(3).filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

/** An element of a drawing. */
export function svg(tag, attributes) {
  const made = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  return made;
}

export const $ = (id) => document.getElementById(id);

// What is being typed is marked until its field takes it up.
addEventListener("input", ({ target }) => target.matches("input:not([type=checkbox], [type=radio], [type=range])") && (target.dataset.typed = ""), true);
// A field that is taken out of the page while somebody types in it tells of a change, which is none.
let drawing = false;
addEventListener("change", (event) => (drawing ? event.stopImmediatePropagation() : delete event.target.dataset.typed), true);
// Nobody typed in a field that was drawn anew, says the browser, and tells of no change.
const taken = ({ target, type, key, isComposing }) =>
  !drawing && (type === "focusout" || (key === "Enter" && !isComposing)) && target.dataset?.typed !== undefined && target.dispatchEvent(new Event("change", { bubbles: true }));
addEventListener("focusout", taken);
addEventListener("keyup", taken);

/** Draw a part of the page anew: the focus stays, and so does what is being typed in it. */
export function redraw(root, draw) {
  const typed = [...root.querySelectorAll("[data-typed]")].map(({ id, value }) => [id, value]);
  const focused = document.activeElement?.id;
  drawing = true;
  try {
    draw();
  } finally {
    drawing = false;
  }
  for (const [id, value] of typed) {
    const field = $(id);
    if (field) Object.assign(field, { value }).dataset.typed = "";
  }
  if (focused && document.activeElement?.id !== focused) $(focused)?.focus();
}

/** A dialog that closes by Escape, its button, and a click beside it; `closed` is told. */
export function openDialog(name, title, content, closed = () => {}) {
  const before = document.activeElement;
  const dialog = h(
    "dialog",
    { className: name, "aria-labelledby": `${name}-title` },
    h(
      "div",
      { className: "head" },
      h("h2", { id: `${name}-title`, dir: "auto" }, title),
      h("button", { type: "button", className: "close", onclick: () => dialog.close() }, t("close")),
    ),
    content,
  );
  dialog.addEventListener("click", (event) => event.target === dialog && dialog.close());
  dialog.addEventListener("close", () => {
    dialog.remove();
    closed();
    if (before?.isConnected) before.focus();
  });
  document.body.append(dialog);
  dialog.showModal();
  return dialog;
}

/** Copy a text, or show it where the browser lets nothing be copied. */
export async function copy(text, button) {
  try {
    await navigator.clipboard.writeText(text);
    const label = button.textContent;
    button.textContent = t("copied");
    setTimeout(() => (button.textContent = label), 1500);
  } catch {
    const field = h("textarea", { readOnly: true, rows: 4, value: text, "aria-label": t("moved_on") });
    openDialog("copying", t("moved_on"), field);
    field.select();
  }
}
