// What the visitor keeps, with notes: in this browser, until it is taken out or written to a file.

import { thumbnail } from "./api.js";
import { $, h, openDialog, t } from "./dom.js";
import { caption } from "./grid.js";
import * as state from "./state.js";

const STORED = "artsim-kept";
const FORMS = ["print", "csv", "json", "bibtex", "iiif"];
const MOST = 500;

const all = () => {
  try {
    return JSON.parse(localStorage.getItem(STORED)) ?? [];
  } catch {
    return [];
  }
};
const here = () => all().filter((work) => work.gallery === state.get().gallery);
const isSame = (work, id) => work.id === id && work.gallery === state.get().gallery;

function store(works) {
  localStorage.setItem(STORED, JSON.stringify(works.slice(-MOST)));
  show();
}

export const has = (id) => all().some((work) => isSame(work, id));

/** Keep a work, or no longer. */
export function turn(hit) {
  const id = hit.painting_id;
  if (has(id)) return store(all().filter((work) => !isSame(work, id)));
  const { title, artist, date_text, image_sha256 } = hit.payload;
  return store([...all(), { id, gallery: state.get().gallery, note: "", picture_id: hit.picture_id, payload: { title, artist, date_text, image_sha256 } }]);
}

/** Bring the button at the top, and those of the cards, up to what is kept. */
export function show() {
  const button = $("kept");
  const { length } = here();
  button.hidden = !length;
  button.textContent = t("kept", { n: length });
  for (const one of document.querySelectorAll(".keep")) mark(one, one.dataset.id);
}

function mark(button, id) {
  const on = has(id);
  button.textContent = on ? t("kept_now") : t("keep");
  button.setAttribute("aria-pressed", String(on));
}

/** The button by which a work is kept. */
export function button(hit, className) {
  const title = hit.payload.title ?? t("no_title");
  const made = h("button", { type: "button", className: `${className} keep`, data: { id: hit.painting_id }, title: `${t("keep")}: ${title}`, onclick: () => turn(hit) });
  mark(made, hit.painting_id);
  return made;
}

function work(one, redraw) {
  const title = one.payload.title ?? t("no_title");
  const note = h("textarea", { rows: 2, value: one.note, maxLength: 5000, placeholder: t("note"), "aria-label": `${t("note")}: ${title}`,
    onchange: () => store(all().map((other) => (isSame(other, one.id) ? { ...other, note: note.value } : other))) });
  return h("li", {},
    h("img", { src: thumbnail(one, 240), alt: "", loading: "lazy" }),
    h("div", {}, h("p", { className: "title", dir: "auto" }, title), h("p", { className: "detail", dir: "auto" }, caption(one.payload)), note),
    h("button", { type: "button", className: "link", "aria-label": `${t("take_out")}: ${title}`, onclick: () => { store(all().filter((other) => !isSame(other, one.id))); redraw(); } }, t("take_out")));
}

/** A form, since files and sheets are pages of their own to the browser. */
function exports(list) {
  const { gallery } = state.get();
  const chosen = h("input", { type: "hidden", name: "form" });
  const sent = h("input", { type: "hidden", name: "selection" });
  const form = h("form", { method: "post", action: `/api/v1/selection${gallery ? `?gallery=${encodeURIComponent(gallery)}` : ""}` }, chosen, sent,
    FORMS.map((name) => h("button", { type: "button", onclick: () => {
      list.querySelector("textarea:focus")?.blur();
      chosen.value = name;
      sent.value = JSON.stringify({ works: here().map(({ id, note }) => ({ id, note })), question: state.hasQuery() ? location.href : "" });
      form.target = name === "print" ? "_blank" : "";
      form.submit();
    } }, t(`form_${name}`))));
  return form;
}

export function open() {
  const list = h("ol", { className: "works" });
  const draw = () => {
    list.replaceChildren(...here().map((one) => work(one, draw)));
    if (!here().length) dialog.close();
  };
  const dialog = openDialog("selection", t("kept_title"), h("div", { className: "body" }, h("p", { className: "quiet" }, t("kept_where")), exports(list), list));
  draw();
}
