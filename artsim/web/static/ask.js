// The panel of the question: its picture with the faces in it, kinds, order, encoder.

import { call, cropStyle, painting, part, send, thumbnail, whole } from "./api.js";
import { $, h, has, redraw, t } from "./dom.js";
import { caption as captionOf, outline as outlinesOf } from "./grid.js";
import * as state from "./state.js";

let galleries = null;
let shown = ""; // which query's picture is on the panel
export let pictureName = "";

export const gallery = () =>
  galleries.galleries.find((one) => (one.gallery ?? "") === state.get().gallery) ?? galleries.galleries[0];

export const kindNow = () =>
  gallery().kinds.find((kind) => kind.name === state.get().kind) ?? gallery().kinds[0];

const named = (prefix, name) => (has(`${prefix}_${name}`) ? t(`${prefix}_${name}`) : name);

/** Search by a file of the visitor's. */
export async function searchBy(file, fail) {
  const panel = $("drop");
  panel?.classList.add("busy");
  try {
    const upload = await send(file);
    pictureName = upload.name;
    state.set({ ...state.noQuery, kind: "", picture: upload.id });
    scrollTo({ top: 0 });
  } catch (error) {
    fail(error, () => searchBy(file, fail));
  } finally {
    panel?.classList.remove("busy");
  }
}

export const searchLike = (id, more = {}) => {
  state.set({ ...state.noQuery, id, kind: "", ...more });
  scrollTo({ top: 0 });
};

export function choosePicture(fail) {
  const input = h("input", { type: "file", accept: "image/*,.tif,.tiff,.jp2", onchange: () => input.files[0] && searchBy(input.files[0], fail) });
  input.click();
}

/** Build the panel once the galleries are known. */
export function build(found, fail) {
  galleries = found;
  const form = $("ask");
  form.addEventListener("submit", (event) => event.preventDefault());
  form.replaceChildren(
    h("div", { id: "asked" }),
    h("div", { id: "how", className: "how" }),
    h("section", { id: "restrict", className: "restrict", "aria-label": t("restrict") }),
  );
  const select = $("gallery");
  select.replaceChildren(
    ...galleries.galleries.map((one) => h("option", { value: one.gallery ?? "" }, one.gallery ?? "artsim")),
  );
  select.parentElement.hidden = galleries.galleries.length < 2;
  select.addEventListener("change", () => state.set({ ...state.noQuery, gallery: select.value, encoder: [], kind: "" }));
  show(fail);
}

/** Search by a file that is dropped or pasted, unless `take` takes it. */
export function listenForFiles(fail, take) {
  const veil = $("veil");
  let depth = 0;
  const hasFiles = (event) => [...(event.dataTransfer?.types ?? [])].includes("Files");
  addEventListener("dragenter", (event) => {
    if (!hasFiles(event)) return;
    veil.firstElementChild.textContent = t($("begin") || event.dataTransfer.items.length > 1 ? "drop_add" : "drop_now");
    veil.hidden = false;
    depth++;
  });
  addEventListener("dragleave", (event) => hasFiles(event) && --depth <= 0 && ((veil.hidden = true), (depth = 0)));
  addEventListener("dragover", (event) => hasFiles(event) && event.preventDefault());
  addEventListener("drop", (event) => {
    if (!hasFiles(event)) return;
    event.preventDefault();
    veil.hidden = true;
    depth = 0;
    if (take(event.dataTransfer)) return;
    const file = event.dataTransfer.files[0];
    if (file) searchBy(file, fail);
  });
  addEventListener("paste", (event) => {
    if (document.body.classList.contains("beginning")) return;
    const file = [...event.clipboardData.files].find((one) => one.type.startsWith("image/"));
    if (file) searchBy(file, fail);
  });
}

/** Bring the panel up to the question. */
export function show(fail) {
  const now = state.get();
  $("gallery").value = gallery().gallery ?? "";
  const key = [now.gallery, now.id, now.picture, now.text, now.like, now.unlike].join(" ");
  if (key !== shown || !$("asked").firstChild) {
    shown = key;
    if (state.hasQuery()) showAsked(now, fail);
    else showEmpty(fail);
  }
  markFace();
  markRegion();
  showHow(now);
}

function showEmpty(fail) {
  const words = gallery().kinds[0].encoders.some((encoder) => encoder.takes_text);
  $("asked").replaceChildren(
    h("div", { id: "drop", className: "drop" },
      h("p", {}, t("drop")),
      h("button", { type: "button", className: "main", onclick: () => choosePicture(fail) }, t("choose")),
      h("p", { className: "quiet" }, t("start_hint")),
      h("p", { className: "sending", role: "status" }, t("sending")),
    ),
    words ? wordsField() : "",
  );
}

function wordsField() {
  const field = h("input", { type: "search", id: "words", placeholder: t("words_example"), maxLength: 1000 });
  const search = () => field.value.trim() && state.set({ ...state.noQuery, text: field.value.trim() });
  field.addEventListener("keydown", (event) => event.key === "Enter" && (event.preventDefault(), search()));
  return h("p", { className: "words" }, h("label", { htmlFor: "words" }, t("in_words")), field,
    h("button", { type: "button", onclick: search }, t("search")));
}

async function showAsked(now, fail) {
  const head = h("div", { className: "asked-head" },
    h("button", { type: "button", onclick: () => choosePicture(fail) }, t("other_picture")),
    h("button", { type: "button", onclick: () => state.set({ ...state.noQuery, kind: "", rerank: "", "not-same-artist": false }) }, t("clear_query")),
  );
  const mount = h("div", { className: "mount", id: "mount" });
  const caption = h("div", { className: "caption" });
  $("asked").replaceChildren(h("figure", { className: "asked", id: "drop" }, mount, caption), head);
  if (now.like.length) return showExamples(now);
  if (now.text) {
    mount.replaceWith(h("blockquote", { dir: "auto" }, t("words_query", { text: now.text })));
    return;
  }
  try {
    if (now.id) await showPainting(now, mount, caption);
    else await showUpload(now, mount, caption);
  } catch (error) {
    if (key(now) === key(state.get())) mount.replaceChildren(h("p", { className: "missing" }, error.message));
  }
}

const key = (now) => [now.gallery, now.id, now.picture].join(" ");

async function showPainting(now, mount, caption) {
  const record = await painting(now.id, now.gallery);
  if (key(now) !== key(state.get())) return;
  pictureName = "";
  picture(mount, thumbnail(record), record.title ?? t("no_title"), record.image_width, record.image_height, whole(record.picture_id, 1024));
  caption.append(h("p", { className: "title", dir: "auto" }, record.title ?? t("no_title")),
    h("p", { className: "detail", dir: "auto" }, captionOf(record)));
  $("asked").append(h("details", { id: "region" }));
  markRegion();
  const faces = record.faces.map((face) => ({
    index: face.face_index,
    box: face.box,
    is_sure: face.face_size >= 20 && face.detection_score >= 0.5,
  }));
  outline(mount, caption, faces, record.image_width, record.image_height);
}

async function showUpload(now, mount, caption) {
  const upload = await call(`/api/v1/uploads/${now.picture}`);
  if (key(now) !== key(state.get())) return;
  pictureName = upload.name;
  picture(mount, `/api/v1/uploads/${upload.id}/image?side=1024`, t("your_picture"), upload.width, upload.height);
  caption.append(h("p", { className: "title", dir: "auto" }, upload.name));
  $("asked").append(h("details", { id: "region" }));
  markRegion();
  if (!gallery().kinds.some((kind) => kind.name === "faces")) return;
  const found = await call(`/api/v1/uploads/${upload.id}/parts`);
  if (key(now) === key(state.get())) outline(mount, caption, found.parts, found.width, found.height);
}

/** The pictures to be like and unlike, each with what takes it out again. */
async function showExamples(now) {
  const sides = ["like", "unlike"];
  const list = h("ul", { className: "examples" });
  $("mount").replaceWith(list);
  const cards = await Promise.all(sides.flatMap((side) => now[side].map(async (text) => {
    const { id, upload, region } = state.example(text);
    const found = id === undefined
      ? await call(`/api/v1/uploads/${upload}`).then((one) => ({ title: one.name, source: `/api/v1/uploads/${upload}/image?side=240` }), () => ({}))
      : await painting(id, now.gallery).then((one) => ({ title: one.title, source: region ? part(one.picture_id, region, 240) : thumbnail(one, 240) }), () => ({}));
    const title = found.title ?? text;
    return h("li", { className: side }, h("span", { className: "sign", title: t(side) }, side === "like" ? "+" : "−"),
      found.source ? h("img", { src: found.source, alt: "" }) : h("span"), h("span", { dir: "auto" }, title),
      h("button", { type: "button", "aria-label": `${t("take_out")}: ${title}`, onclick: () => takeOut(side, text) }, "×"));
  })));
  list.append(...cards);
}

/** Search by more pictures: by one like what is searched by now, or unlike it. */
export function addExample(side, id) {
  const now = state.get();
  const text = state.exampleOf(id);
  if (now.text || !state.hasQuery(now) || kindNow() !== gallery().kinds[0]) return;
  const like = now.like.length ? now.like : [state.asExample(now)];
  const other = side === "like" ? "unlike" : "like";
  const sides = { like, unlike: now.unlike };
  const changed = { [side]: [...new Set([...sides[side], text])], [other]: sides[other].filter((one) => one !== text) };
  if (!changed.like.length) return;
  state.set({ ...state.noQuery, kind: "", "not-same-artist": false, ...changed });
}

function takeOut(side, text) {
  const now = state.get();
  const left = { like: now.like, unlike: now.unlike, [side]: now[side].filter((one) => one !== text) };
  if (left.like.length > 1 || (left.like.length && left.unlike.length)) return state.set({ ...left, limit: "" });
  // One picture alone is a question by that picture.
  const one = left.like.length ? state.example(left.like[0]) : {};
  return state.set({ ...state.noQuery, id: one.id ?? "", picture: one.upload ?? "", region: one.region ?? "" });
}

function picture(mount, source, alt, width, height, large) {
  const image = h("img", { src: source, alt, width, height });
  image.addEventListener("error", () => image.replaceWith(h("p", { className: "missing" }, t("no_picture"))));
  mount.style.setProperty("aspect-ratio", `${width} / ${height}`);
  mount.replaceChildren(image);
  mount.append(h("span", { className: "region", hidden: true }));
  drawFound();
  Object.assign(mount.dataset, { width, height });
  listenForRegion(mount);
  if (large) image.srcset = `${source} 480w, ${large} 1024w`, (image.sizes = "20rem");
}

let foundIn = []; // the works that were found in the picture of the question

/** Outline on the picture of the question what of it is which hit, by its rank. */
export function outlineFound(hits) {
  foundIn = hits.filter((hit) => hit.evidence?.query_outline?.length && hit.evidence.relation !== "same picture");
  drawFound();
}

function drawFound() {
  const mount = $("mount");
  for (const one of mount?.querySelectorAll(".outline, .rank") ?? []) one.remove();
  if (!mount?.querySelector("img") || !foundIn.length) return;
  const shapes = foundIn.map((hit) => hit.evidence.query_outline);
  const share = (value) => `${100 * Math.min(0.95, Math.max(0.03, value))}%`;
  mount.append(outlinesOf(shapes), ...foundIn.map((hit, i) => h("span", { className: "rank", "aria-hidden": "true", style: { left: share(Math.min(...shapes[i].map(([x]) => x))), top: share(Math.min(...shapes[i].map(([, y]) => y))) } }, String(hit.rank))));
}

/** A region is dragged on the picture, or given by its numbers below. */
function listenForRegion(mount) {
  let from = null;
  const place = (event) => {
    const box = mount.getBoundingClientRect();
    const share = (value, start, size) => Math.min(1, Math.max(0, (value - start) / size));
    return [share(event.clientX, box.x, box.width) * mount.dataset.width, share(event.clientY, box.y, box.height) * mount.dataset.height];
  };
  const between = (to) => {
    const [x, y] = [0, 1].map((i) => Math.floor(Math.min(from[i], to[i])));
    const [right, bottom] = [0, 1].map((i) => Math.ceil(Math.max(from[i], to[i])));
    return [x, y, right - x, bottom - y];
  };
  mount.addEventListener("pointerdown", (event) => {
    if (event.button !== 0 || event.target.closest("button")) return;
    event.preventDefault();
    from = place(event);
    mount.setPointerCapture(event.pointerId);
  });
  mount.addEventListener("pointermove", (event) => from && drawRegion(between(place(event))));
  mount.addEventListener("pointerup", (event) => {
    if (!from) return;
    const box = between(place(event));
    from = null;
    if (Math.min(box[2], box[3]) < 0.02 * Math.max(mount.dataset.width, mount.dataset.height)) return markRegion();
    setRegion(box);
  });
  mount.addEventListener("pointercancel", () => { from = null; markRegion(); });
}

const setRegion = (box) => state.set({ region: box ? box.join(",") : "", kind: "", face: "", encoder: [], limit: "" });

function drawRegion(box) {
  const mount = $("mount");
  const outline = mount?.querySelector(".region");
  if (!outline) return;
  outline.hidden = !box;
  const sides = ["left", "top", "width", "height"];
  box?.forEach((value, i) => outline.style.setProperty(sides[i], `${(100 * value) / (i % 2 ? mount.dataset.height : mount.dataset.width)}%`));
}

/** The region of the question in pixels of its picture; null where it is the whole. */
function regionNow(mount) {
  const { region } = state.get();
  if (!region || !mount?.dataset.width) return null;
  const sizes = [mount.dataset.width, mount.dataset.height, mount.dataset.width, mount.dataset.height].map(Number);
  return region.split(",").map((part, i) => (part.includes("%") ? (Number.parseFloat(part) * sizes[i]) / 100 : Number(part)));
}

function markRegion() {
  const mount = $("mount");
  const form = $("region");
  const box = regionNow(mount);
  drawRegion(box);
  if (!form) return;
  const key = `${mount.dataset.width} ${mount.dataset.height} ${box}`;
  if (form.dataset.key === key) return; // numbers that are being given stay
  const focused = form.contains(document.activeElement) && document.activeElement.id;
  form.replaceWith(regionForm(box, mount));
  $("region").dataset.key = key;
  if (focused) ($(focused) ?? $("region-search")).focus();
}

function regionForm(box, mount) {
  const shown = $("region")?.open || Boolean(box);
  const names = ["x", "y", "width", "height"];
  const read = () => names.map((name) => Math.max(0, Math.round(Number($(`region-${name}`).value))));
  const fields = names.map((name, i) => h("label", {}, t(`region_${name}`),
    h("input", { type: "number", id: `region-${name}`, min: 0, max: Number(i % 2 ? mount.dataset.height : mount.dataset.width), value: box ? Math.round(box[i]) : i < 2 ? 0 : Math.round((i % 2 ? mount.dataset.height : mount.dataset.width) / 2) })));
  return h("details", { id: "region", open: shown }, h("summary", {}, t("detail")), h("p", { className: "quiet" }, t("detail_how")),
    h("p", { className: "numbers-of" }, fields),
    h("p", { className: "acts" },
      h("button", { type: "button", id: "region-search", onclick: () => setRegion(read()) }, t("detail_search")),
      box ? h("button", { type: "button", id: "region-none", className: "link", onclick: () => setRegion(null) }, t("detail_none")) : ""));
}

/** The faces upon the picture, and each by itself below it, where small ones are large enough. */
function outline(mount, caption, faces, width, height) {
  const sure = faces.filter((face) => face.is_sure);
  const source = mount.querySelector("img")?.src;
  const choose = (face) => () => state.set(
    String(face.index) === state.get().face ? { face: "", kind: "", limit: "" } : { kind: "faces", face: String(face.index), region: "", encoder: [], limit: "" });
  const named = (face) => ({ type: "button", title: t("search_face", { n: face.index }), "aria-label": t("search_face", { n: face.index }), "aria-pressed": "false", onclick: choose(face), data: { face: face.index, middle: `${face.box[0] + face.box[2] / 2},${face.box[1] + face.box[3] / 2}` } });
  for (const face of sure) {
    const [x, y, w, height_] = face.box;
    const share = (part, of) => `${(100 * part) / of}%`;
    mount.append(h("button", { ...named(face), className: "face", tabIndex: -1, "aria-hidden": source ? "true" : null,
      style: { left: share(x, width), top: share(y, height), width: share(w, width), height: share(height_, height) } }));
  }
  const count = sure.length;
  caption.append(h("p", { className: "quiet" }, count === 0 ? t("no_faces") : count === 1 ? t("face_found") : t("faces_found", { n: count })),
    source ? h("ul", { className: "crops" }, sure.map((face) => h("li", {}, h("button", { ...named(face), className: "face", style: cropStyle(source, face.box, width, height) })))) : "");
  markFace();
}

/** Which faces are searched by; those outside the detail that is searched by are not offered. */
function markFace() {
  const now = state.get();
  const box = regionNow($("mount"));
  const isIn = ([x, y]) => !box || (x >= box[0] && y >= box[1] && x <= box[0] + box[2] && y <= box[1] + box[3]);
  for (const button of document.querySelectorAll("#asked .face")) {
    const all = now.kind === "faces" && now.face === "";
    button.setAttribute("aria-pressed", String(all || (now.kind === "faces" && button.dataset.face === now.face)));
    button.hidden = !isIn(button.dataset.middle.split(",").map(Number));
  }
}

function showHow(now) {
  const how = $("how");
  how.hidden = !state.hasQuery();
  if (how.hidden) return how.replaceChildren();
  const kinds = now.text || now.like.length ? [] : gallery().kinds;
  const encoders = kindNow().encoders;
  redraw(how, () => how.replaceChildren(
    kinds.length > 1 && h("fieldset", { className: "kinds" }, h("legend", {}, t("kind")),
      kinds.map((kind) => h("label", {},
        h("input", { type: "radio", name: "kind", id: `kind-${kind.name}`, value: kind.name, checked: kind === kindNow(),
          onchange: () => state.set({ kind: kind === gallery().kinds[0] ? "" : kind.name, face: "", encoder: [], limit: "" }) }),
        h("span", {}, named("kind", kind.name))))) || "",
    now.text ? "" : choice("rerank", t("order"), [["", t("order_plain")], ...galleries.rerankers.map((name) => [name, named("rerank", name)])], now.rerank,
      (value) => state.set({ rerank: value, "rerank-weight": "", limit: "" })),
    encoders.length > 1 ? choice("encoder", t("encoder"), encoders.map((encoder, i) => [i ? encoder.name : "", i ? encoder.name : t("encoder_first", { name: encoder.name })]), now.encoder[0] ?? "",
      (value) => state.set({ encoder: value ? [value] : [], limit: "" })) : "",
    now.picture && kindNow().has_local_points ? choice("look", t("look"), ["", ...state.LOOKS].map((name) => [name, t(`look_${name}`)]), state.LOOKS.find((name) => now[name]) ?? "",
      (value) => state.set({ ...Object.fromEntries(state.LOOKS.map((name) => [name, name === value])), limit: "" })) : "",
    kindNow() === gallery().kinds[0] ? h("label", { className: "check" },
      h("input", { type: "checkbox", id: "collapse-copies", checked: now["collapse-copies"], onchange: (event) => state.set({ "collapse-copies": event.target.checked, limit: "" }) }),
      t("collapse_copies")) : "",
    now.id ? h("label", { className: "check" },
      h("input", { type: "checkbox", id: "not-same-artist", checked: now["not-same-artist"], onchange: (event) => state.set({ "not-same-artist": event.target.checked, limit: "" }) }),
      t("not_same_artist")) : "",
  ));
}

function choice(id, label, options, value, changed) {
  return h("p", { className: "choice" }, h("label", { htmlFor: id }, label),
    h("select", { id, onchange: (event) => changed(event.target.value) },
      options.map(([name, text]) => h("option", { value: name, selected: name === value }, text))));
}
