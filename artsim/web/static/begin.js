// Beginning a gallery, and adding to one: the sample, a folder of the server, or files that are sent.

import { ask, call } from "./api.js";
import { $, h, openDialog, t } from "./dom.js";
import * as intake from "./intake.js";
import * as state from "./state.js";

const AT_ONCE = 3;
const LITTER = /(^|\/)(\.|__MACOSX|Thumbs\.db$|desktop\.ini$|~\$)/i;

let galleries = null;
let place = null; // where the steps are drawn: the page of an empty server, or a dialog
let fail = () => {};
let sending = false;

const accepts = (name) => galleries.accepts.some((ending) => name.toLowerCase().endsWith(ending));
const isFirst = () => document.body.classList.contains("beginning");

/** Know what may be added; without a gallery, begin. */
export async function build(found, failed, isEmpty) {
  [galleries, fail] = [found, failed];
  if (isEmpty) return first();
  const button = $("add");
  button.hidden = false;
  button.addEventListener("click", () => open());
  return intake.watchButton(button);
}

async function first() {
  document.body.classList.add("beginning");
  $("said").textContent = "";
  if (!galleries.may_write) {
    $("hits").replaceWith(h("section", { className: "begin" }, h("h2", {}, t("begin_nothing")), h("p", {}, t("begin_reader")), signIn()));
    return;
  }
  place = h("section", { className: "begin", id: "begin" });
  $("hits").replaceWith(place);
  await show();
}

const signIn = () => h("p", {}, h("a", { href: "/sign-in" }, t("begin_sign_in")));

/** Open the dialog by which a gallery is added to; with files, these are sent. */
export async function open(files) {
  place = h("div", { className: "begin", id: "begin" });
  openDialog("adding", t("add"), place, () => (place = null));
  if (files) await send(files, targetOf());
  else await show();
}

/** Take what was dropped, where it is to be added; false where it is to be searched by. */
export function take(transfer) {
  if (sending || !galleries?.may_write) return sending || isFirst();
  const entries = [...transfer.items].filter((item) => item.kind === "file").map((item) => item.webkitGetAsEntry?.() ?? item.getAsFile());
  const isMany = entries.length > 1 || entries[0]?.isDirectory || /\.(csv|tsv|xlsx?|ods|parquet|jsonl)$/i.test(entries[0]?.name ?? "");
  if (!place && !isMany) return false;
  collect(entries).then((files) => (place ? send(files, targetOf()) : open(files))).catch(fail);
  return true;
}

/** All files of what was dropped, with their paths. */
async function collect(entries) {
  const found = [];
  for (const entry of entries.filter(Boolean)) {
    if (entry instanceof File) found.push([entry.webkitRelativePath || entry.name, entry]);
    else if (entry.isFile) found.push([entry.fullPath.slice(1), await new Promise((done, no) => entry.file(done, no))]);
    else {
      const reader = entry.createReader();
      for (;;) {
        const some = await new Promise((done, no) => reader.readEntries(done, no));
        if (!some.length) break;
        found.push(...(await collect(some)));
      }
    }
  }
  return found;
}

function choose(folder) {
  const input = h("input", { type: "file", multiple: true, ...(folder ? { webkitdirectory: true } : { accept: galleries.accepts.join(",") }) });
  input.addEventListener("change", () => collect([...input.files]).then((files) => send(files, targetOf())).catch(fail));
  input.click();
}

/** The gallery that is chosen; undefined for the server's own. */
function targetOf() {
  const select = $("into");
  if (!select) return place?.dataset.into === undefined ? undefined : place.dataset.into || null;
  return select.value === " new" ? $("new-gallery").value.trim() || null : select.value || null;
}

/** Draw the next step, where the focus goes to its heading. */
export function redraw(...content) {
  if (!place) return;
  const isNew = !place.firstChild;
  place.replaceChildren(...content.filter(Boolean));
  const heading = place.querySelector("h2, h3");
  heading.tabIndex = -1;
  if (!isNew) heading.focus();
}

/** Show what can be added, and what was not finished. */
async function show() {
  const all = await call("/api/v1/intakes");
  const active = all.find((one) => intake.isActive(one));
  if (active) return intake.follow(active);
  const path = h("input", { id: "folder", required: true, autocomplete: "off", spellcheck: false, placeholder: navigator.platform?.startsWith("Win") ? "C:\\Pictures" : "/home/me/pictures" });
  redraw(
    isFirst() ? h("h2", {}, t("begin_title")) : h("h3", { className: "hidden" }, t("add")),
    isFirst() ? h("p", { className: "lead" }, t("begin_lead")) : into(),
    intake.unfinished(all, show),
    h("div", { className: "ways" },
      h("div", { className: "drop way" },
        h("p", { className: "big" }, t("begin_drop")),
        h("p", { className: "quiet" }, t("begin_list")),
        h("p", { className: "buttons" },
          h("button", { type: "button", className: "main", onclick: () => choose(true) }, t("begin_folder")),
          h("button", { type: "button", onclick: () => choose(false) }, t("begin_files"))),
        h("p", { className: "quiet" }, t("begin_kept"))),
      h("form", { className: "way", onsubmit: (event) => { event.preventDefault(); begin({ origin: "folder", folder: path.value, gallery: targetOf() }); } },
        h("label", { htmlFor: "folder" }, t("begin_here")),
        h("p", { className: "row" }, path, h("button", {}, t("begin_look"))),
        h("p", { className: "quiet" }, t("begin_stay"))),
      isFirst() && h("div", { className: "way" },
        h("p", {}, h("strong", {}, t("begin_try"))),
        h("img", { className: "strip", src: new URL("sample.webp", import.meta.url).href, alt: "", width: 1032, height: 144 }),
        h("p", { className: "quiet" }, t("begin_sample_what")),
        h("p", {}, h("button", { type: "button", onclick: () => begin({ origin: "sample" }) }, t("begin_sample"))))),
  );
}

/** Which gallery it goes into, where there can be others. */
function into() {
  if (!galleries.others) return "";
  const now = state.get().gallery || (galleries.galleries[0].gallery ?? "");
  const names = [...new Set([...galleries.galleries.map((one) => one.gallery ?? ""), galleries.own ?? ""])];
  const name = h("input", { id: "new-gallery", pattern: "[A-Za-z0-9_\\-]{1,100}", title: t("into_rule"), "aria-label": t("into_name"), placeholder: t("into_name"), hidden: true, maxLength: 100 });
  const select = h("select", { id: "into", onchange: () => { name.hidden = select.value !== " new"; if (!name.hidden) name.focus(); } },
    names.map((one) => h("option", { value: one, selected: one === now }, one || t("into_own"))), h("option", { value: " new" }, t("into_new")));
  return h("p", { className: "into" }, h("label", { htmlFor: "into" }, t("into")), select, name);
}

/** Begin an intake, and show how it is understood. */
async function begin(form) {
  try {
    const begun = await ask("/api/v1/intakes", form);
    await (form.origin === "sample" ? intake.start(begun, { kinds: galleries.parts.slice(0, 1) }) : intake.understand(begun));
  } catch (error) {
    say(error);
  }
}

/** Say in the step itself what did not work. */
export function say(error) {
  const box = h("p", { className: "trouble", role: "alert", lang: error.status ? "en" : null }, error.message);
  place?.querySelector(".trouble[role]")?.remove();
  place?.querySelector("h2, h3")?.after(box);
}

/** Send files one by one, and say how far it is. */
async function send(files, gallery) {
  const wanted = files.filter(([name]) => !LITTER.test(name) && accepts(name));
  const passed = files.filter(([name]) => !LITTER.test(name) && !accepts(name)).map(([name]) => name);
  if (!wanted.length) return say(new Error(t("send_nothing", { n: passed.length })));
  place.dataset.into = gallery ?? "";
  let begun;
  try {
    begun = await ask("/api/v1/intakes", { origin: "sent", ...(gallery === undefined ? {} : { gallery }) });
  } catch (error) {
    return say(error);
  }
  const total = wanted.reduce((sum, [, file]) => sum + file.size, 0);
  const waiting = [...wanted];
  const refused = [];
  const stopping = new AbortController();
  const bar = h("progress", { max: total, value: 0, "aria-label": t("sending_files") });
  const counts = h("p", { className: "quiet" });
  const stay = (event) => event.preventDefault();
  redraw(h("h3", {}, t("sending_files")), bar, counts, h("p", { className: "buttons" },
    h("button", { type: "button", onclick: () => stopping.abort() }, t("send_stop"))));
  let [done, bytes] = [0, 0];
  const one = async () => {
    for (let next = waiting.shift(); next; next = waiting.shift()) {
      const [name, file] = next;
      try {
        await call(`/api/v1/intakes/${begun.id}/files?path=${encodeURIComponent(name)}`, { method: "PUT", body: file, signal: stopping.signal });
      } catch (error) {
        if (!error.status) throw error;
        refused.push([name, error.message]);
      }
      [done, bytes] = [done + 1, bytes + file.size];
      bar.value = bytes;
      counts.textContent = t("send_count", { n: done, total: wanted.length, size: megabytes(bytes), of: megabytes(total) });
    }
  };
  sending = true;
  addEventListener("beforeunload", stay);
  try {
    await Promise.all(Array.from({ length: AT_ONCE }, one));
    await intake.understand(begun, { passed, refused });
  } catch (error) {
    stopping.abort();
    await call(`/api/v1/intakes/${begun.id}`, { method: "DELETE" }).catch(() => {});
    await show().catch(fail);
    if (error.name !== "AbortError") say(error);
  } finally {
    sending = false;
    removeEventListener("beforeunload", stay);
  }
  return undefined;
}

const megabytes = (bytes) => t("megabytes", { n: Math.max(0.1, Math.round(bytes / 1e5) / 10) });

/** Go back to the beginning. */
export const again = () => show().catch(fail);
