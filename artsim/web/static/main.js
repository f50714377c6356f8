// Brings question, restrictions, hits and record together, whenever the address changes.

import { ask as askServer, call, survey } from "./api.js";
import * as asking from "./ask.js";
import { $, copy, h, openDialog, t } from "./dom.js";
import * as facets from "./facets.js";
import * as grid from "./grid.js";
import * as keep from "./keep.js";
import * as record from "./record.js";
import * as state from "./state.js";
import * as views from "./views.js";

let answered = null; // the question whose answer is shown
let counted = null;
let running = null;
let found = [];
let source = null;
let map = null; // modules that are loaded when they are first needed
let comparing = null;
let last = { key: null, answer: null }; // looked at in another way, it is not asked for again

function fail(error, again) {
  const box = h("div", { className: "error" },
    h("p", {}, h("strong", {}, t("error_title")), " ", h("span", { lang: error.status ? "en" : null }, error.message)),
    again && (!error.status || error.status === 503) ? h("button", { type: "button", onclick: () => { box.remove(); again(); } }, t("retry")) : "",
    h("button", { type: "button", onclick: () => box.remove() }, t("dismiss")));
  $("errors").replaceChildren(box);
}

const actions = {
  searchLike: asking.searchLike,
  open: (hit) => state.set({ show: hit.painting_id }),
  list: (hit) => {
    const isFace = hit.payload.face_index !== undefined;
    const more = isFace ? { kind: "faces", face: String(hit.payload.face_index) } : {};
    const now = state.get();
    const own = state.asked(now);
    const isExample = !now.text && state.hasQuery(now) && asking.kindNow().name === "paintings";
    return [
      [t(isFace ? "find_face" : "find_alike"), () => asking.searchLike(hit.painting_id, more)],
      own && own !== hit.painting_id && [t("compare"), () => state.compare(own, hit.painting_id)],
      isExample && [t("like"), () => asking.addExample("like", hit.painting_id)],
      isExample && [t("unlike"), () => asking.addExample("unlike", hit.painting_id)],
    ].filter(Boolean);
  },
};

function removable(text, changes) {
  return h("li", {}, h("button", { type: "button", "aria-label": t("remove_filter", { name: text }), onclick: () => state.set({ ...changes, limit: "" }) },
    h("span", { dir: "auto" }, text), h("span", { "aria-hidden": "true" }, " ×")));
}

function showChips(now) {
  const lists = [...state.FILTERS, "person", "where", "not"];
  const chips = lists.flatMap((name) => now[name].map((value) =>
    removable(name === "not" ? `≠ ${value}` : value, { [name]: now[name].filter((other) => other !== value) })));
  if (now.year) chips.push(removable(now.year.replace("..", "–"), { year: "" }));
  if (now.title) chips.push(removable(`“${now.title}”`, { title: "" }));
  if (chips.length > 1) {
    const none = Object.fromEntries(lists.map((name) => [name, []]));
    chips.push(h("li", {}, h("button", { type: "button", className: "link", onclick: () => state.set({ ...none, year: "", title: "", limit: "" }) }, t("clear_filters"))));
  }
  $("chips").replaceChildren(...chips);
}

function showShare() {
  const link = h("button", { type: "button", onclick: () => {
    const address = new URL(location.href);
    if (source) address.searchParams.set("digest", source.digest.slice(0, 12));
    copy(String(address).replaceAll("%3A", ":"), link);
  } }, t("copy_link"));
  const command = h("button", { type: "button", onclick: () => copy(state.command(asking.pictureName), command) }, t("copy_command"));
  $("share").replaceChildren(link, command);
}

function notes(answer, digest) {
  const said = [...answer.notes];
  if (digest && answer.source && !answer.source.digest.startsWith(digest)) said.unshift(t("changed_since"));
  if (answer.why_empty) said.push(answer.why_empty);
  const own = state.get().picture ? answer.left_out ?? [] : [];
  const title = (id) => (own.length === 1 && answer.query_payload?.title) || id;
  $("notes").replaceChildren(...own.map((id) => h("li", {}, t("in_gallery"), " ",
    h("button", { type: "button", className: "link", "aria-haspopup": "dialog", dir: "auto", onclick: () => state.set({ show: id }) }, title(id)))),
  ...said.map((note) => h("li", { lang: note === t("changed_since") ? null : "en" }, note)));
}

/** Look at works in the way that the address says. */
async function look(now, works, options, line) {
  const view = views.viewNow(now);
  found = works;
  $("hits").className = `hits ${view}`;
  $("hits").hidden = view === "map";
  $("plane").hidden = view !== "map";
  if (view === "map") {
    $("hits").replaceChildren();
    map ??= await import("./map.js");
    await map.show(now, state.hasQuery(now) ? works : null, actions, running.signal);
    return;
  }
  map?.hide();
  if (view === "list") views.showRows(works, actions, options);
  else if (view === "time") {
    const laid = line ?? views.spansOf(works, views.room());
    found = views.worksOf(laid);
    views.showTime(laid, actions, options);
  } else grid.show(works, actions, options);
}

async function search(now) {
  const key = state.questionKey(now);
  const answer = last.key === key ? last.answer : await askServer(`/api/v1/query?${state.params(now, ["gallery"])}`, state.question(now), running.signal);
  last = { key, answer };
  const { hits } = answer;
  for (const hit of hits) hit.copies = answer.collapsed?.filter((one) => one.copy_of === hit.painting_id);
  asking.outlineFound(hits);
  source = answer.source;
  const kind = asking.kindNow();
  const isFace = kind.name === "faces";
  const encoder = answer.source.encoders.length === 1 ? kind.encoders.find((one) => one.vector === answer.source.encoders[0]) : null;
  await look(now, hits, { rerank: now.rerank, isFace, encoder, fallsOff: answer.falls_off });
  const of = now.like.length ? t("these_examples") : now.text ? t("words_query", { text: now.text }) : now.id ? t("words_query", { text: answer.query_payload?.title ?? now.id }) : t("this_picture");
  const what = now.region ? t("detail_of", { what: of }) : of;
  document.title = `${what} · artsim`;
  $("said").textContent = hits.length ? t(isFace ? "found_faces" : "found_best", { n: hits.length, what }) : t("found_none");
  $("more").hidden = hits.length < (Number(now.limit) || state.PAGE) || hits.length >= 200;
  notes(answer, now.digest);
}

async function browse(now) {
  const view = views.viewNow(now);
  const params = state.filterParams(now);
  source = null;
  document.title = "artsim";
  $("more").hidden = true;
  if (view === "people") return people(params);
  if (view === "copies") return copies(now, params);
  if (view === "time") return alongTheYears(now, params);
  const isMap = view === "map";
  params.set("limit", isMap ? 1 : now.limit || state.PAGE);
  if (now.sort) params.set("sort", now.sort);
  const listing = await call(`/api/v1/paintings?${params}`, { signal: running.signal });
  await look(now, listing.points, {});
  const { total } = listing;
  const order = t(`in_order_${now.sort || "date"}`, { otherwise: t("in_order_other") });
  $("said").textContent = !total ? t("no_gallery_work") : isMap ? t("on_the_map", { n: total })
    : found.length === total ? (total === 1 ? t("found_one") : t("in_order", { n: total, order })) : t("listed_of", { n: found.length, total, order });
  $("more").hidden = isMap || found.length >= Math.min(total, 200);
  return notes(listing);
}

async function alongTheYears(now, params) {
  params.set("most", views.room());
  params.set("shown", views.SHOWN);
  const line = await call(`/api/v1/timeline?${params}`, { signal: running.signal });
  await look(now, [], {}, line);
  const total = [...line.spans, line.undated].reduce((sum, span) => sum + span.count, 0);
  $("said").textContent = total ? t("along_the_years", { n: total }) : t("no_gallery_work");
  notes(line);
}

/** Show what is in groups in place of hits. */
function showGroups(works, draw) {
  map?.hide();
  $("hits").className = "hits people";
  $("hits").hidden = false;
  $("plane").hidden = true;
  found = works;
  draw();
}

async function people(params) {
  const answer = await call(`/api/v1/people?${params}`, { signal: running.signal });
  showGroups(answer.people.flatMap((group) => group.faces), () => views.showPeople(answer.people, actions));
  $("said").textContent = answer.people.length ? t("people_found", { n: answer.total, faces: answer.compared }) : t("people_none", { n: answer.compared });
  notes({ notes: [...answer.notes, ...(answer.has_names ? [] : [t("people_name")])] });
}

/** Groups of copies, of which one work at least meets the filters. */
async function copies(now, params) {
  const own = await survey(`/api/v1/copies?${state.params(now, ["gallery"])}`, running.signal, ({ done, total }) =>
    ($("said").textContent = total && done ? t("copies_making_of", { done, total }) : t("copies_making")));
  const isFiltered = [...params.keys()].some((name) => name !== "gallery");
  const chosen = isFiltered ? new Set((await call(`/api/v1/map/chosen?${params}`, { signal: running.signal })).points) : null;
  const groups = own.groups.filter((group) => !chosen || group.works.some((work) => chosen.has(work.point_id)));
  showGroups(groups.flatMap((group) => group.works), () => views.showCopies(groups, actions, state.compare));
  $("said").textContent = groups.length ? t("copies_found", { n: chosen ? groups.length : own.total, works: own.compared }) : t("copies_none", { n: own.compared });
  notes(own);
}

async function showCompared(now) {
  if (now.compare.length > 1) comparing ??= await import("./compare.js");
  comparing?.show(fail);
}

async function show(now) {
  asking.show(fail);
  showChips(now);
  record.show(actions, fail);
  showCompared(now);
  keep.show();
  const filters = `${state.filterParams(now)} ${asking.kindNow().name}`;
  if (filters !== counted) {
    counted = filters;
    facets.show(fail);
  }
  views.showSwitch(now);
  const key = `${state.questionKey(now)} ${views.viewNow(now)} ${now.sort}`;
  if (key === answered) return;
  answered = key;
  running?.abort();
  running = new AbortController();
  const mine = running;
  const hadFocus = $("hits").contains(document.activeElement);
  $("results").setAttribute("aria-busy", "true");
  $("said").textContent = t("searching");
  showShare();
  try {
    await (state.hasQuery(now) ? search(now) : browse(now));
    $("errors").replaceChildren();
    // What had the focus may be gone with the answer before.
    if (document.activeElement === document.body && hadFocus) $("results").focus({ preventScroll: true });
  } catch (error) {
    if (error.name === "AbortError") return;
    $("said").textContent = t("found_none");
    $("hits").replaceChildren();
    $("hits").hidden = false;
    map?.hide();
    $("notes").replaceChildren();
    $("more").hidden = true;
    found = [];
    fail(error, () => { answered = null; show(state.get()); });
  } finally {
    if (mine === running) $("results").removeAttribute("aria-busy");
  }
}

function showKeys() {
  const rows = [["/", "search"], ["← → ↑ ↓", "move"], ["↵", "open"], ["F", "find"], ["C", "compare"], ["K", "keep"], ["+ −", "example"], ["V", "view"], ["?", "help"], ["Esc", "close"]];
  const letters = h("input", { type: "checkbox", checked: state.lettersOn(), onchange: () => state.setLetters(letters.checked) });
  openDialog("keys", t("keys_title"), [
    h("table", {}, h("tbody", {}, rows.map(([key, name]) => h("tr", {}, h("th", { scope: "row" }, h("kbd", {}, key)), h("td", {}, t(`key_${name}`)))))),
    h("p", {}, h("label", {}, letters, " ", t("keys_off"))),
  ]);
}

function listen() {
  $("kept").addEventListener("click", keep.open);
  addEventListener("storage", keep.show);
  $("help").addEventListener("click", showKeys);
  $("more").addEventListener("click", () => {
    const limit = Math.min(200, (Number(state.get().limit) || state.PAGE) + state.PAGE);
    state.set({ limit: String(limit) }, { replace: true });
  });
  $("language").addEventListener("change", (event) => {
    document.cookie = `artsim_language=${event.target.value}; path=/; max-age=31536000; samesite=strict`;
    location.reload();
  });
  grid.listenForKeys((at) => found[at], {
    f: (hit) => actions.list(hit)[0][1](),
    k: keep.turn,
    c: (hit) => state.asked() && actions.list(hit)[1]?.[1](),
    "+": (hit) => asking.addExample("like", hit.painting_id),
    "-": (hit) => asking.addExample("unlike", hit.painting_id),
  });
  addEventListener("keydown", (event) => {
    const typing = event.target.closest?.("input:not([type=checkbox], [type=radio]), textarea, select");
    if (typing || event.ctrlKey || event.metaKey || event.altKey || !state.lettersOn() || document.querySelector("dialog[open]")) return;
    if (event.key === "/") (event.preventDefault(), (document.querySelector("#drop .main") ?? document.querySelector(".asked-head button"))?.focus());
    else if (event.key === "v") views.next(state.get());
    else if (event.key === "?") showKeys();
  });
}

try {
  const galleries = await call("/api/v1/galleries");
  const isEmpty = !galleries.galleries.some((one) => one.kinds[0]?.points);
  let begin = null;
  asking.listenForFiles(fail, (transfer) => begin?.take(transfer));
  listen();
  if (!isEmpty) {
    asking.build(galleries, fail);
    state.listen(show);
    show(state.get());
  }
  if (isEmpty || galleries.may_write) {
    begin = await import("./begin.js");
    await begin.build(galleries, fail, isEmpty);
  }
} catch (error) {
  $("said").textContent = t("error_title");
  fail(error, () => location.reload());
}
