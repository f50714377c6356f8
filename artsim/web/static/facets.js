// What the answer is restricted to: years by a histogram, fields by their values.

import { call } from "./api.js";
import { kindNow } from "./ask.js";
import { $, h, redraw, t } from "./dom.js";
import * as state from "./state.js";

const FIRST = 6;
const BARS = 24;
const NAMES = [...state.FILTERS, "person"];
const open = new Set();
let asking = null;
let drawn = [];

const fieldOf = (name) => (name === "tag" ? "tags" : name);

export async function show(fail) {
  asking?.abort();
  asking = new AbortController();
  const params = state.filterParams();
  params.set("kind", kindNow().name);
  for (const name of [...NAMES.map(fieldOf), "date"]) params.append("field", name);
  try {
    const found = await call(`/api/v1/facets?${params}`, { signal: asking.signal });
    draw(found.facets);
  } catch (error) {
    if (error.name !== "AbortError") fail(error, () => show(fail));
  }
}

function draw(all) {
  drawn = all;
  const [facets, dates] = [all.slice(0, -1), all.at(-1)];
  const now = state.get();
  const opened = !matchMedia("(max-width: 56rem)").matches;
  const before = $("restrict").querySelector("details");
  redraw($("restrict"), () => $("restrict").replaceChildren(
    h("details", { open: before ? before.open : opened, className: "all" },
      h("summary", {}, t("restrict")),
      years(dates, now),
      titleField(now),
      facets.map((facet, i) => values(NAMES[i], facet, now)),
    ),
  ));
}

const span = (text) => /^(-?\d+)\.\.(-?\d+)$/.exec(text)?.slice(1).map(Number);

/** Decades, joined by twos, fives and tens until there are few enough. */
function bars(decades) {
  if (!decades.length) return [];
  const first = decades[0].from;
  const last = decades.at(-1).to;
  const size = [10, 20, 50, 100, 200, 500, 1000].find((years) => (last - first) / years <= BARS) ?? 2000;
  const start = Math.floor(first / size) * size;
  const found = [];
  for (let from = start; from <= last; from += size) found.push({ from, to: from + size - 1, count: 0 });
  for (const decade of decades) {
    const bar = found[Math.floor((decade.from - start) / size)];
    if (bar) bar.count = size === 10 ? decade.count : Math.max(bar.count, 0) + decade.count;
  }
  return found;
}

function years(facet, now) {
  const decades = facet.values.map(({ value, count }) => {
    const ends = span(value);
    return ends && { from: ends[0], to: ends[1], count };
  }).filter(Boolean);
  const found = bars(decades);
  if (!found.length) return "";
  const most = Math.max(...found.map((bar) => bar.count), 1);
  const chosen = now.year.match(/^(-?\d+)?\.\.(-?\d+)?$/);
  const [least, greatest] = chosen ? [Number(chosen[1] ?? -1e6), Number(chosen[2] ?? 1e6)] : [-1e6, 1e6];
  let from = null;
  const choose = (one, other) => state.set({ year: `${Math.min(one.from, other.from)}..${Math.max(one.to, other.to)}`, limit: "" });
  const row = h("div", { className: "bars" }, found.map((bar, i) =>
    h("button", {
      type: "button", id: `bar-${i}`, className: bar.from <= greatest && bar.to >= least ? "bar" : "bar out",
      title: t("year_bar", { from: String(bar.from), to: String(bar.to), n: bar.count }),
      "aria-label": t("year_bar", { from: String(bar.from), to: String(bar.to), n: bar.count }),
      style: { "--share": `${(100 * bar.count) / most}%` },
      onpointerdown: () => (from = bar),
      onpointerup: () => from && (choose(from, bar), (from = null)),
      onclick: (event) => event.detail === 0 && choose(bar, bar),
    })));
  const ends = ["from", "to"].map((end, i) =>
    h("label", {}, t(`year_${end}`), " ", h("input", {
      type: "number", id: `year-${end}`, className: "year", value: chosen?.[i + 1] ?? "", placeholder: String(i ? found.at(-1).to : found[0].from),
      onchange: () => {
        const [first, last] = ["year-from", "year-to"].map((id) => $(id).value);
        state.set({ year: first || last ? `${first}..${last}` : "", limit: "" });
      },
    })));
  return h("fieldset", { className: "years" }, h("legend", {}, t("years")), row, h("p", {}, ends),
    now.year && !chosen ? h("p", {}, now.year) : "",
    facet.unknown ? h("p", { className: "quiet" }, t("undated", { n: facet.unknown })) : "");
}

function titleField(now) {
  return h("p", { className: "choice" }, h("label", { htmlFor: "title-words" }, t("title_words")),
    h("input", { type: "search", id: "title-words", value: now.title,
      onchange: (event) => state.set({ title: event.target.value.trim(), limit: "" }) }));
}

/** The values of a field, artists by the names that are usual for them. */
function entries(name, facet) {
  if (name !== "artist") return facet.values.map(({ value, count }) => [String(value), count]);
  return facet.artists.map((one) => [one.artist, one.count]);
}

function values(name, facet, now) {
  const all = entries(name, facet);
  const chosen = now[name];
  const gone = chosen.filter((value) => !all.some(([other]) => other === value)).map((value) => [value, 0]);
  const listed = [...gone, ...all];
  if (listed.length < (name === "person" ? 1 : 2) && !chosen.length) return "";
  const first = listed.filter(([value], i) => i < FIRST || chosen.includes(value) || open.has(name));
  const change = (value, on) =>
    state.set({ [name]: on ? [...chosen, value] : chosen.filter((other) => other !== value), limit: "" });
  return h("fieldset", { className: "facet" }, h("legend", {}, t(`field_${fieldOf(name)}`)),
    first.map(([value, count], i) => h("label", { className: "check" },
      h("input", { type: "checkbox", id: `${name}-${i}-${value}`, checked: chosen.includes(value), onchange: (event) => change(value, event.target.checked) }),
      h("span", { className: "value", dir: "auto", title: value.length > 60 ? value : null }, value), h("span", { className: "count" }, count.toLocaleString(document.documentElement.lang)))),
    listed.length > first.length || open.has(name)
      ? h("button", { type: "button", id: `more-${name}`, className: "link", "aria-expanded": String(open.has(name)),
          onclick: () => { open.has(name) ? open.delete(name) : open.add(name); draw(drawn); } },
        open.has(name) ? t("fewer_values") : t("more_values", { n: listed.length - first.length }))
      : "");
}
