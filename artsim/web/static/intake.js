// One intake: how its list is understood and corrected, how far it is, and what did not go in.

import { ask, call, remove, thumbnail } from "./api.js";
import { again, redraw, say } from "./begin.js";
import { $, h, has, t, tn } from "./dom.js";
import { caption } from "./grid.js";

const NOTHING = "";
const EVERY = 500;
const HUNG = 16; // pictures that are written together, before which there is nothing to see
const MOST_HUNG = 48;
const HUNG_AT_ONCE = 8; // lest other requests wait for them
let watched = null; // the intake whose progress is shown
let button = null;

export const isActive = ({ state }) => ["waiting", "running", "stopping"].includes(state);
const named = (field) => (has(`column_${field}`) ? t(`column_${field}`) : has(`field_${field}`) ? t(`field_${field}`) : field);
const lead = (content, more = {}) => h("p", { className: "lead", ...more }, content);
const english = (texts) => texts.map((text) => h("li", { lang: "en" }, text));

/** What was begun and not finished, each with what goes on with it. */
export function unfinished(all, changed) {
  const open = all.filter(({ state, files, origin }) => ["interrupted", "stopped", "failed"].includes(state) || (state === "open" && origin === "sent" && files));
  if (!open.length) return "";
  const forget = async (one) => { await remove(`/api/v1/intakes/${one.id}`); await changed(); };
  return h("ul", { className: "unfinished", "aria-label": t("unfinished") }, open.map((one) => h("li", {},
    h("span", {}, t(`unfinished_${one.state}`, { n: one.done || one.files, total: one.total ?? one.files, place: one.origin === "folder" ? one.place : t(`origin_${one.origin}`) })),
    h("button", { type: "button", className: "main", onclick: () => (one.state === "open" ? understand(one) : start(one)).catch(say) }, t("go_on")),
    h("button", { type: "button", onclick: () => forget(one).catch(say) }, t("forget")))));
}

/** Show how an intake is understood; columns can be corrected. */
export async function understand(intake, sent = {}) {
  const { parts, galleries } = await call("/api/v1/galleries");
  // As what is there already, else with faces.
  const there = galleries.find((one) => one.gallery === intake.gallery)?.kinds.map((kind) => kind.name) ?? parts.slice(0, 1);
  const read = { metadata: null, columns: {}, kinds: parts.filter((name) => there.includes(name)) };
  const draw = async (focus) => {
    const look = await ask(`/api/v1/intakes/${intake.id}/look`, { metadata: read.metadata, columns: read.columns });
    drawLook(intake, look, parts, sent, (changes, at) => { Object.assign(read, changes); return draw(at).catch(say); }, read);
    if (focus) $(focus)?.focus();
  };
  await draw();
}

function drawLook(intake, look, parts, sent, change, read) {
  const kinds = parts.map((name) => h("label", { className: "check" }, h("input", { type: "checkbox", value: name, id: `part-${name}`, checked: read.kinds.includes(name), onchange: () => (read.kinds = chosen()) }), t(`look_for_${name}`)));
  const chosen = () => kinds.map((label) => label.firstChild).filter((box) => box.checked).map((box) => box.value);
  const begin = () => start(intake, { metadata: read.metadata, columns: read.columns, kinds: read.kinds }).catch(say);
  const cancel = async () => { await remove(`/api/v1/intakes/${intake.id}`); again(); };
  redraw(
    h("h3", {}, look.pictures ? tn("look_pictures", look.pictures) : t("look_none")),
    intake.origin === "folder" ? h("p", { className: "quiet", dir: "auto" }, look.place) : "",
    look.error ? h("p", { className: "trouble", role: "alert", lang: "en" }, look.error) : "",
    look.lists.length ? lists(look, change) : lead(t("look_no_list")),
    look.columns.length ? columns(look, change, read) : "",
    works(look), doubts(look, sent),
    h("fieldset", {}, kinds),
    h("p", { className: "buttons" },
      h("button", { type: "button", className: "main", disabled: !look.pictures, onclick: begin }, tn("read_in", look.pictures)),
      h("button", { type: "button", onclick: () => cancel().catch(say) }, t("discard"))));
}

function lists(look, change) {
  const select = h("select", { id: "list", onchange: () => change({ metadata: select.value || null, columns: {} }, "list") },
    look.metadata ? "" : h("option", { value: "", selected: true }, t("list_none")),
    look.lists.map((name) => h("option", { value: name, selected: name === look.metadata }, name)));
  const said = look.described ? t("look_described", { n: look.described, total: look.pictures }) : look.metadata ? t("look_which") : t("look_lists");
  return h("div", { className: "lists" }, look.lists.length > 1 || !look.metadata ? h("p", { className: "choice" }, h("label", { htmlFor: "list" }, t("list")), select) : h("p", {}, h("strong", { dir: "auto" }, look.metadata)), h("p", {}, said));
}

function columns(look, change, read) {
  const correct = (column, field, at) => {
    const now = Object.fromEntries(look.columns.filter((one) => one.field).map((one) => [one.field, one.name]));
    const changed = { ...read.columns };
    if (column.field) changed[column.field] = NOTHING;
    if (field) changed[field] = column.name;
    // What was that field before is one of the museum's own now.
    if (now[field] === column.name) delete changed[field];
    return change({ metadata: look.metadata, columns: changed }, at);
  };
  return h("table", { className: "columns" },
    h("caption", {}, t("columns")),
    h("thead", {}, h("tr", {}, ["column", "example", "meaning"].map((name) => h("th", { scope: "col" }, t(`column_${name}`))))),
    h("tbody", {}, look.columns.map((column, i) => h("tr", { className: column.field ? "" : "own" },
      h("th", { scope: "row", dir: "auto" }, column.name),
      h("td", { className: "example" }, h("span", { dir: "auto" }, column.example || "–")),
      h("td", {}, h("select", { id: `column-${i}`, "aria-label": `${column.name}: ${t("column_meaning")}`, onchange: (event) => correct(column, event.target.value, event.target.id) },
        h("option", { value: "", selected: !column.field }, t("column_own")),
        look.fields.map((field) => h("option", { value: field, selected: field === column.field }, named(field)))))))));
}

/** The first works as they will be shown. */
function works(look) {
  if (!look.works.length) return "";
  return h("section", { className: "as-read" }, h("h4", {}, t("as_read")), h("ul", {}, look.works.map((work) => {
    const years = work.year_start === undefined ? "" : [...new Set([work.year_start, work.year_end])].join("–");
    const isSaid = years && String(work.date_text ?? years) !== years;
    return h("li", {}, h("span", { className: "title", dir: "auto" }, work.title ?? t("no_title")),
      h("span", { className: "detail", dir: "auto" }, caption(work), isSaid ? ` (${years})` : ""));
  })));
}

/** What is not understood, passed over or without a picture. */
function doubts(look, { passed = [], refused = [] }) {
  const missed = Object.entries(look.not_understood).map(([kind, texts]) => h("li", {}, t(`missed_${kind}`), " ", h("q", { dir: "auto" }, texts.join("” · “"))));
  const all = [
    ...missed,
    look.failed ? h("li", {}, t("look_failed", { n: look.failed }), h("ul", {}, english(look.problems.slice(0, 5).map((one) => one.reason)))) : "",
    ...english(look.notes),
    passed.length ? h("li", {}, t("passed_over", { n: passed.length }), " ", h("span", { dir: "auto" }, passed.slice(0, 5).join(", "))) : "",
    refused.length ? h("li", {}, t("not_sent", { n: refused.length }), h("ul", {}, english(refused.slice(0, 20).map(([name, why]) => `${name}: ${why}`)))) : "",
  ].filter(Boolean);
  return all.length ? h("section", { className: "doubts" }, h("h4", {}, t("doubts")), h("ul", {}, all)) : "";
}

/** Read an intake in, from the beginning or from where it was stopped. */
export async function start(intake, form) {
  const path = `/api/v1/intakes/${intake.id}/start`;
  follow(await (form ? ask(path, form) : call(path, { method: "POST" })));
}

/** Show how far an intake is until it ends. */
export function follow(intake) {
  watched = intake.id;
  const heading = h("h3", {});
  const bar = h("progress", { max: 1, "aria-label": t("reading") });
  const stage = h("p", { role: "status" });
  const counts = h("p", { className: "quiet" });
  const stop = h("button", { type: "button", onclick: () => { stop.disabled = true; call(`/api/v1/intakes/${intake.id}/stop`, { method: "POST" }).catch(say); } }, t("stop"));
  const look = h("button", { type: "button", hidden: true, onclick: () => see(intake) }, t("see_meanwhile"));
  const wall = h("div", { className: "wall", "aria-hidden": "true" });
  redraw(heading, bar, stage, counts, h("p", { className: "buttons" }, stop, look), wall);
  const began = { at: performance.now(), done: null };
  let hung = 0;
  const tell = (now) => {
    const known = now.total && now.stage === "reading";
    heading.textContent = known ? t("reading_of", { n: now.done, total: now.total }) : t("reading");
    if (known) [bar.max, bar.value] = [now.total, now.done];
    else bar.removeAttribute("value");
    const said = now.ahead ? t("ahead", { n: now.ahead }) : t(now.state === "stopping" ? "stage_stopping" : `stage_${now.stage || "preparing"}`);
    if (stage.textContent !== said) stage.textContent = said;
    began.done ??= known ? now.done : null;
    counts.textContent = [left(began, now), now.counts.faces ? t("faces_so_far", { n: now.counts.faces }) : "", now.failed ? t("failed_so_far", { n: now.failed }) : ""].filter(Boolean).join(" · ");
    stop.disabled = now.state === "stopping";
    look.hidden = !document.body.classList.contains("beginning") || now.done < HUNG;
    if (now.stage === "reading" && now.done >= HUNG && performance.now() - hung > 2000) {
      hung = performance.now();
      hang(wall, now);
    }
  };
  poll(intake, tell);
}

/** Show some of the pictures that are in. */
async function hang(wall, { gallery }) {
  const of = gallery ? `&gallery=${encodeURIComponent(gallery)}` : "";
  const { points } = await call(`/api/v1/paintings?limit=${MOST_HUNG}${of}`).catch(() => ({ points: [] }));
  const there = new Set([...wall.children].map((one) => one.dataset.id));
  const some = points.filter((one) => !there.has(one.painting_id)).slice(0, Math.min(HUNG_AT_ONCE, MOST_HUNG - there.size));
  wall.append(...some.map((one) => h("img", { src: thumbnail(one, 240), alt: "", width: one.payload.image_width, height: one.payload.image_height, data: { id: one.painting_id } })));
}

/** How long it takes still, once that can be said. */
function left(began, now) {
  const seconds = (performance.now() - began.at) / 1000;
  const done = now.done - (began.done ?? now.done);
  if (seconds < 5 || done < 10 || !now.total || now.stage !== "reading") return "";
  const minutes = ((now.total - now.done) * seconds) / done / 60;
  return minutes < 1 ? t("left_soon") : t("left_minutes", { n: Math.ceil(minutes) });
}

async function poll(intake, tell) {
  let now = intake;
  try {
    while (isActive(now)) {
      tell(now);
      showButton(now);
      await new Promise((done) => setTimeout(done, document.hidden ? 4 * EVERY : EVERY));
      now = await call(`/api/v1/intakes/${intake.id}`);
    }
    showButton(now);
    if (watched === intake.id && $("begin")) await end(now);
  } catch (error) {
    say(error);
    if (!error.status) setTimeout(() => poll(intake, tell), 8 * EVERY);
  }
}

async function end(now) {
  const { total, problems } = now.failed ? await call(`/api/v1/intakes/${now.id}/problems`) : { total: 0, problems: [] };
  const isIn = now.done - now.failed;
  const goOn = h("button", { type: "button", className: isIn ? "" : "main", onclick: () => start(now).catch(say) }, t("go_on"));
  const wall = h("div", { className: "wall", "aria-hidden": "true" });
  redraw(
    h("h3", {}, tn(`ended_${now.state}`, isIn, { total: now.total ?? now.done })),
    now.error ? h("p", { className: "trouble", lang: "en" }, now.error) : "",
    lead(ended(now.counts)),
    total ? h("section", { className: "doubts" }, h("h4", {}, t("not_read", { n: total })),
      h("div", { className: "reasons", tabIndex: 0, role: "region", "aria-label": t("not_read", { n: total }) }, h("ul", {}, problems.map((one) => h("li", { lang: "en" }, one.reason)))),
      h("p", {}, h("a", { href: `/api/v1/intakes/${now.id}/problems.csv`, download: "" }, t("not_read_file")))) : "",
    now.notes.length ? h("ul", { className: "quiet" }, english(now.notes)) : "",
    h("p", { className: "buttons" },
      isIn ? h("button", { type: "button", className: "main", onclick: () => see(now) }, t("see")) : "",
      now.state === "done" ? "" : goOn,
      h("button", { type: "button", onclick: again }, t("add_more"))),
    wall);
  for (let i = 0; isIn && i < MOST_HUNG && wall.isConnected; i += HUNG_AT_ONCE) await hang(wall, now);
}

const ended = (counts) => ["written", "faces", "updated", "unchanged", "renamed"].filter((name) => counts[name]).map((name) => t(`count_${name}`, { n: counts[name] })).join(" · ");

/** Open the gallery that an intake went into, as it is now. */
const see = ({ gallery }) => location.assign(gallery ? `/?gallery=${encodeURIComponent(gallery)}` : "/");

/** Let the button at the top say how far it is, also where nobody looks. */
export async function watchButton(element) {
  button = element;
  const all = await call("/api/v1/intakes");
  const active = all.find(isActive);
  if (active) poll(active, () => {});
  else if (all.some(({ state }) => state === "interrupted")) button.textContent = t("add_unfinished");
}

function showButton(now) {
  if (!button) return;
  const percent = now.total ? Math.floor((100 * now.done) / now.total) : 0;
  button.textContent = isActive(now) ? t("add_running", { percent }) : now.state === "done" ? t("add_done") : t("add_unfinished");
}
