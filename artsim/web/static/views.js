// The ways in which works are looked at: as a grid, as rows, along the years, by person.

import { gallery } from "./ask.js";
import { $, h, redraw, t } from "./dom.js";
import { caption, card, date, image, scores } from "./grid.js";
import * as keep from "./keep.js";
import * as state from "./state.js";

const WIDTHS = [1, 2, 5, 10, 20, 25, 50, 100, 200, 500, 1000, 2000, 5000];
export const SHOWN = 8;

/** Views that there are for the question; people and copies are of a gallery alone. */
export function offered(now) {
  const hasFaces = gallery().kinds.some((kind) => kind.name === "faces");
  const there = { people: hasFaces && !state.hasQuery(now), copies: !state.hasQuery(now) };
  return state.VIEWS.filter((name) => there[name] ?? true);
}

/** How works are looked at now: what the address says, where there is that. */
export const viewNow = (now) => (offered(now).includes(now.view) ? now.view : "grid");

export function showSwitch(now) {
  const isList = !state.hasQuery(now) && ["grid", "list"].includes(viewNow(now));
  const orders = state.SORTS.includes(now.sort) || !now.sort ? state.SORTS : [...state.SORTS, now.sort];
  redraw($("views"), () => $("views").replaceChildren(
    h("fieldset", { className: "kinds" }, h("legend", { className: "hidden" }, t("view")), offered(now).map((name) =>
      h("label", {}, h("input", { type: "radio", name: "view", id: `view-${name}`, checked: name === viewNow(now), onchange: () => choose(name) }), h("span", {}, t(`view_${name}`))))),
    isList ? h("label", { className: "sort" }, t("sort"), h("select", { id: "sort", onchange: (event) => state.set({ sort: event.target.value === "date" ? "" : event.target.value, limit: "" }) },
      orders.map((name) => h("option", { value: name, selected: name === (now.sort || "date") }, t(`sort_${name}`, { otherwise: name }))))) : "",
  ));
}

const choose = (name) => state.set({ view: name === "grid" ? "" : name });

/** Look at the works in the next way. */
export function next(now) {
  const names = offered(now);
  choose(names[(names.indexOf(viewNow(now)) + 1) % names.length]);
}

const where = (payload) => [payload.medium, payload.institution].filter(Boolean).join("; ");

function row(hit, i, actions, rerank, isFace) {
  const { payload } = hit;
  const title = payload.title ?? t("no_title");
  return h("li", { className: "card row", data: { at: i, id: hit.painting_id } },
    h("button", { type: "button", className: "open", tabIndex: i ? -1 : 0, "aria-label": t("open_record", { title }), "aria-haspopup": "dialog", style: { "--ratio": isFace || !payload.image_width ? 1 : payload.image_width / payload.image_height }, onclick: () => actions.open(hit) }, image(hit, isFace, 240)),
    h("div", { className: "first" }, hit.score === undefined ? "" : scores(hit, rerank), h("p", { className: "title", dir: "auto" }, title)),
    [payload.artist ?? "", date(payload), where(payload)].map((said) => h("p", { className: "detail", dir: "auto" }, said)),
    h("p", { className: "acts" }, actions.list(hit).map(([text, act]) =>
      h("button", { type: "button", className: "link", onclick: act, "aria-label": `${text}: ${title}` }, text)), keep.button(hit, "link")));
}

/** Works in rows, each fact below the same fact of the others. */
export function showRows(found, actions, { rerank = "", isFace = false } = {}) {
  $("hits").replaceChildren(...found.map((hit, i) => row(hit, i, actions, rerank, isFace)));
}

/** How many spans of years there is room for. */
export const room = () => Math.max(3, Math.min(20, Math.floor($("results").clientWidth / 54) - 1));

const middle = ({ year_start: from, year_end: to }) => Math.floor((from + (to ?? from)) / 2);

/** Hits along the years, as the API lays works of a gallery; those first found are shown. */
export function spansOf(hits, most) {
  const dated = hits.filter((hit) => hit.payload.year_start !== undefined);
  const undated = hits.filter((hit) => hit.payload.year_start === undefined);
  const years = dated.map((hit) => middle(hit.payload));
  const [least, greatest] = [Math.min(...years), Math.max(...years)];
  const width = WIDTHS.find((one) => Math.floor(greatest / one) - Math.floor(least / one) < most) ?? WIDTHS.at(-1);
  const spans = [];
  for (let first = Math.floor(least / width) * width; dated.length && first <= greatest; first += width) {
    const points = dated.filter((_, i) => years[i] >= first && years[i] < first + width);
    spans.push({ first, last: first + width - 1, count: points.length, points: points.slice(0, SHOWN) });
  }
  return { spans, undated: { first: null, last: null, count: undated.length, points: undated.slice(0, SHOWN) } };
}

/** The works of all spans, in the order in which they are shown. */
export const worksOf = ({ spans, undated }) => [...spans, undated].flatMap((span) => span.points);

function stacked(hit, i, actions, isFace) {
  const { payload } = hit;
  const said = [payload.title ?? t("no_title"), caption(payload)].filter(Boolean).join(", ");
  return h("li", { className: "card", data: { at: i, id: hit.painting_id } },
    h("button", { type: "button", className: "open", tabIndex: i ? -1 : 0, title: said, "aria-label": t("open_record", { title: said }), "aria-haspopup": "dialog", onclick: () => actions.open(hit) }, image(hit, isFace, 240)));
}

/** Works above the years in which they were made, at the middle of what their dates say. */
export function showTime(line, actions, { isFace = false } = {}) {
  const all = [...line.spans, ...(line.undated.count ? [line.undated] : [])];
  let at = 0;
  const columns = all.map((span) => {
    const hidden = span.count - span.points.length;
    const [from, to] = [span.first, span.last].map(String);
    const works = h("ul", {}, span.points.map((hit) => stacked(hit, at++, actions, isFace)));
    const isOne = line.spans.length === 1 && span.first === span.last;
    const label = span.first === null ? h("p", { className: "axis" }, t("undated_works"))
      : h("button", { type: "button", className: "link axis", disabled: !span.count || isOne, "aria-label": t("only_years", { from, to, n: span.count }), title: from === to ? from : `${from}–${to}`,
        onclick: () => state.set({ year: `${from}..${to}`, limit: "" }) }, from);
    return h("li", { className: span.first === null ? "span undated" : "span" },
      hidden > 0 ? h("p", { className: "count" }, t("more_works", { n: hidden })) : "", works, label, h("p", { className: "count total" }, span.count ? t("number", { n: span.count }) : ""));
  });
  $("hits").replaceChildren(...columns);
}

/** Groups of faces that may each be of one person. */
export function showPeople(people, actions) {
  let at = 0;
  $("hits").replaceChildren(...people.map((group) => {
    const artists = [...new Set(group.faces.map((face) => face.payload.artist).filter(Boolean))];
    return h("li", { className: group.faces.length > 2 ? "person many" : "person" },
      h("h3", { dir: "auto" }, group.name ?? t("person_n", { n: group.number })),
      h("p", { className: "detail", dir: "auto" }, [t("faces_n", { n: group.count }), artists.slice(0, 2).join("; ") + (artists.length > 2 ? " …" : "")].filter(Boolean).join(" · "),
        group.name ? h("button", { type: "button", className: "link", onclick: () => state.set({ person: [group.name], view: "", limit: "" }) }, t("works_of_person")) : ""),
      h("ul", { className: "hits" }, group.faces.map((face) => card(face, at++, actions, "", true))));
  }));
}

/** Groups of works that show one work, or part of one, each compared with the first. */
export function showCopies(groups, actions, compare) {
  let at = 0;
  const kindOf = (tie) => tie.kind.replaceAll(" ", "_");
  $("hits").replaceChildren(...groups.map((group) => {
    const [one, ...others] = group.works;
    const kinds = [...new Set(group.ties.map(kindOf))];
    return h("li", { className: group.works.length > 2 ? "person many" : "person" },
      h("h3", {}, kinds.map((kind) => t(`tie_${kind}`)).join(", ")),
      h("p", { className: "detail" }, t("works_n", { n: group.count })),
      h("ul", { className: "hits" }, group.works.map((work) => {
        const made = card(work, at++, actions, "", false);
        if (others.includes(work)) made.querySelector(".acts").prepend(h("button", { type: "button", className: "link", "aria-label": `${t("compare")}: ${work.payload.title ?? t("no_title")}`, onclick: () => compare(one.painting_id, work.painting_id) }, t("compare")));
        return made;
      })));
  }));
}
