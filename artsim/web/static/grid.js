// What was found: cards with the word first and the number second, and where nearness ends.

import { crop, thumbnail } from "./api.js";
import { $, h, svg, t } from "./dom.js";
import * as keep from "./keep.js";
import * as state from "./state.js";

const MARKS = { "same picture": "same_picture", "very near": "very_near", near: "near", "not near": "not_near" };

/** The verdict of a hit in words. */
export function verdict(hit) {
  if (!hit.verdict) return t("unjudged");
  if (hit.verdict === "same picture" && hit.mirrored) return t("same_picture_mirrored");
  return t(MARKS[hit.verdict]);
}

const lang = document.documentElement.lang;
export const number = (value) => value.toLocaleString(lang, { minimumFractionDigits: 2, maximumFractionDigits: 2 });
const percent = (value) => value.toLocaleString(lang, { maximumFractionDigits: value < 99 ? 0 : 2 });

/** A row that says how near a hit is: the word, then the numbers. */
export function scores(hit, rerank) {
  return h("p", { className: "scores" },
    h("span", { className: `word ${MARKS[hit.verdict] ?? "unjudged"}` }, verdict(hit)),
    h("span", { className: "number", title: hit.percentile === undefined ? "" : t("rarer", { percent: percent(hit.percentile) }) }, number(hit.score)),
    hit.rerank_score === undefined ? "" : h("span", { className: "number" }, t("rescored", { name: rerank.toUpperCase(), score: number(hit.rerank_score) })),
  );
}

/** The date as the museum words it, else the years it means. */
export const date = ({ date_text: said, year_start: from, year_end: to }) => said ?? [...new Set([from, to])].filter((year) => year !== undefined).join("–");

export const caption = (payload) => [payload.artist, date(payload)].filter(Boolean).join(", ");

export function image(hit, isFace, side = 480) {
  const { payload } = hit;
  const [width, height] = [payload.image_width, payload.image_height];
  const source = isFace && payload.box ? crop(hit.picture_id, payload.box, width, height) : thumbnail(hit, side);
  const made = h("img", { src: source, loading: "lazy", decoding: "async", alt: "" });
  made.addEventListener("error", () => made.replaceWith(h("span", { className: "missing" }, t("no_picture"))));
  return made;
}

/** Where the query picture is in the work, or which part of it was found. */
function outlined(hit, isFace) {
  const { box, image_width: width, image_height: height } = hit.payload;
  const [x, y, w, high] = box ?? [];
  const corners = hit.evidence?.outline ?? (box && !isFace ? [[x, y], [x + w, y], [x + w, y + high], [x, y + high]].map(([a, b]) => [a / width, b / height]) : []);
  // Of the whole picture an outline says nothing.
  return corners.length && hit.evidence?.relation !== "same picture" ? outline([corners]) : "";
}

/** Outlines in fractions of the picture that they lie upon. */
export function outline(shapes) {
  const made = svg("svg", { class: "outline", viewBox: "0 0 1 1", preserveAspectRatio: "none", "aria-hidden": "true" });
  for (const name of ["under", "above"]) made.append(...shapes.map((corners) => svg("polygon", { class: name, points: corners.map((corner) => corner.join()).join(" ") })));
  return made;
}

/** What points say, in words first. */
function said({ evidence }) {
  if (evidence?.found !== "found") return "";
  return h("p", { className: "evidence" }, t(`relation_${evidence.relation.replaceAll(" ", "_")}${evidence.mirrored ? "_mirrored" : ""}`), " ", h("span", { className: "number" }, t("points_n", { n: evidence.inliers })));
}

/** Copies that were left out for this one. */
function leftOut(hit, actions) {
  if (!hit.copies?.length) return "";
  return h("details", { className: "copies" }, h("summary", {}, t("copies_left_out", { n: hit.copies.length })),
    h("ul", {}, hit.copies.map((one) => h("li", {}, h("button", { type: "button", className: "link", "aria-haspopup": "dialog", dir: "auto", onclick: () => actions.open(one) }, one.painting_id), " ", t(`tie_${one.kind.replaceAll(" ", "_")}`)))));
}

export function card(hit, i, actions, rerank, isFace) {
  const { payload } = hit;
  const title = payload.title ?? t("no_title");
  return h("li", { className: isFace ? "card face-card" : "card", data: { at: i, id: hit.painting_id } },
    h("button", { type: "button", className: "open", tabIndex: i ? -1 : 0, "aria-label": t("open_record", { title }), "aria-haspopup": "dialog",
      style: { "--ratio": isFace || !payload.image_width ? 1 : payload.image_width / payload.image_height },
      onclick: () => actions.open(hit) }, image(hit, isFace), outlined(hit, isFace)),
    h("div", { className: "about" },
      hit.score === undefined ? "" : scores(hit, rerank),
      said(hit),
      h("p", { className: "title", dir: "auto" }, title),
      h("p", { className: "detail", dir: "auto" }, caption(payload)),
      h("p", { className: "acts" }, actions.list(hit).map(([text, act]) =>
        h("button", { type: "button", className: "link", onclick: act, "aria-label": `${text}: ${title}` }, text)), keep.button(hit, "link")),
      leftOut(hit, actions)));
}

/** Where the hits stop being near: the first of those after which none is. */
export function lineAt(hits) {
  if (!hits.length || hits.some((hit) => !hit.verdict)) return null;
  let at = hits.length;
  while (at && hits[at - 1].verdict === "not near") at--;
  return at === hits.length ? null : at;
}

function line(at, encoder, falls) {
  return h("li", { className: "line" },
    falls ? h("p", {}, t("falls_off")) : "",
    h("p", {}, at ? t("nearness_ends") : t("nearness_none")),
    encoder ? h("p", { className: "quiet" }, t("nearness_measured", { encoder: encoder.name })) : "");
}

/** Show hits of an answer, or works of a list. */
export function show(found, actions, { rerank = "", isFace = false, encoder = null, fallsOff } = {}) {
  const cards = found.map((hit, i) => card(hit, i, actions, rerank, isFace));
  const at = lineAt(found);
  if (at !== null) cards.splice(at, 0, line(at, encoder, at === fallsOff));
  if (fallsOff !== undefined && fallsOff !== null && fallsOff !== at && (at === null || fallsOff < at)) {
    cards.splice(fallsOff, 0, h("li", { className: "line" }, h("p", {}, t("falls_off"))));
  }
  $("hits").replaceChildren(...cards);
}

const WAYS = { ArrowRight: [1, 0], ArrowLeft: [-1, 0], ArrowDown: [0, 1], ArrowUp: [0, -1] };

/** The card that an arrow key leads to: the nearest that way, else at the end of a row the next. */
function beside(cards, here, key) {
  const middle = (one) => {
    const box = one.querySelector(".open").getBoundingClientRect();
    return [box.x + box.width / 2, box.y + box.height];
  };
  const [way, [px, py]] = [WAYS[key], middle(cards[here])];
  let [best, least] = [null, Infinity];
  for (const one of cards) {
    const [x, y] = [middle(one)[0] - px, middle(one)[1] - py];
    const [along, aside] = [x * way[0] + y * way[1], Math.abs(x * way[1] + y * way[0])];
    const far = along + 3 * aside;
    if (along > 4 && aside <= along && far < least) [best, least] = [one, far];
  }
  const step = way[0] * (document.dir === "rtl" ? -1 : 1);
  return best ?? (step ? cards[here + step] : null) ?? cards[here];
}

/** Arrow keys move among the cards; other keys act on the one with the focus. */
export function listenForKeys(find, actions) {
  $("hits").addEventListener("keydown", (event) => {
    const at = event.target.closest(".card");
    if (!at || event.ctrlKey || event.metaKey || event.altKey) return;
    const cards = [...$("hits").querySelectorAll(".card")];
    const to = { Home: cards[0], End: cards.at(-1) }[event.key] ?? (WAYS[event.key] && beside(cards, cards.indexOf(at), event.key));
    if (to) {
      event.preventDefault();
      move(cards, to);
    } else {
      const act = state.lettersOn() && actions[event.key];
      if (act) act(find(Number(at.dataset.at)));
    }
  });
  $("hits").addEventListener("focusin", (event) => {
    const at = event.target.closest(".card");
    if (at) for (const one of $("hits").querySelectorAll(".open")) one.tabIndex = at.contains(one) ? 0 : -1;
  });
}

function move(cards, to) {
  for (const one of cards) one.querySelector(".open").tabIndex = one === to ? 0 : -1;
  to.querySelector(".open").focus();
}
