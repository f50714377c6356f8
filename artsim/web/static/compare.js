// Two pictures beside, upon and against each other, with one zoom for both.

import { ask as askServer, call, painting, whole } from "./api.js";
import { h, openDialog, redraw, svg, t } from "./dom.js";
import { caption, number, verdict } from "./grid.js";
import { readPoints, startPoints, transformOf, wayOf, writePoints } from "./register.js";
import * as state from "./state.js";

const MODES = ["side", "overlay", "blink", "difference", "curtain"];
const FITS = ["whole", "width", "life", "points", "matched"];
const SIDE = 2048;
const PICTURE = "picture:";
const calm = matchMedia("(prefers-reduced-motion: reduce)");

const form = (side) => (side.startsWith(PICTURE) ? { upload: side.slice(PICTURE.length) } : { id: side });

async function load(side, gallery) {
  if (side.startsWith(PICTURE)) {
    const upload = await call(`/api/v1/uploads/${side.slice(PICTURE.length)}`);
    return { title: upload.name, detail: "", width: upload.width, height: upload.height, source: `/api/v1/uploads/${upload.id}/image?side=${SIDE}` };
  }
  const record = await painting(side, gallery);
  return {
    title: record.title ?? t("no_title"), detail: caption(record), width: record.image_width, height: record.image_height,
    source: whole(record.picture_id, SIDE), large: whole(record.picture_id, 4096), cm: record.width_cm && record.height_cm ? [record.width_cm, record.height_cm] : null,
  };
}

let dialog = null;

/** Open the comparison that the address names, or close it. */
export async function show(fail) {
  const { compare: sides, gallery } = state.get();
  const key = sides.join(" ");
  if (sides.length < 2) return dialog?.close();
  if (dialog?.dataset.key === key) return undefined;
  dialog?.close();
  let both;
  try {
    both = await Promise.all(sides.map((side) => load(side, gallery)));
  } catch (error) {
    fail(error);
    return state.set({ compare: [] }, { replace: true });
  }
  if (state.get().compare.join(" ") !== key) return undefined;
  const stage = new Stage(both);
  const said = h("div", { className: "judged", role: "status" }, t("comparing"));
  const shared = h("p", { className: "quiet", role: "status" });
  const table = h("details", { className: "numbers", hidden: true });
  dialog = openDialog("compare", t("compare_title"), h("div", { className: "body" },
    h("div", {}, said, shared), stage.tools, stage.element,
    h("div", { className: "pair" }, both.map((one, i) => h("div", {},
      h("p", { className: "title", dir: "auto" }, t(i ? "second_of" : "first_of", { title: one.title })), h("p", { className: "detail", dir: "auto" }, one.detail)))),
    table),
  () => {
    stage.end();
    dialog = null;
    if (state.get().compare.join(" ") === key) state.set({ compare: [], mode: "", fit: "", points: "" });
  });
  dialog.dataset.key = key;
  dialog.addEventListener("keydown", (event) => stage.key(event));
  stage.begin();
  judge(sides, gallery, said, table);
  match(sides, gallery, shared, stage);
  return dialog;
}

/** Say whether both share points, by which the second is laid upon the first. */
async function match(sides, gallery, said, stage) {
  try {
    const query = gallery ? `?gallery=${encodeURIComponent(gallery)}` : "";
    const found = await askServer(`/api/v1/compare/points${query}`, { first: form(sides[0]), second: form(sides[1]) });
    said.textContent = t(found.is_found ? (found.mirrored ? "points_mirrored" : "points_found") : "points_none", { n: found.inliers });
    if (found.is_found) stage.useMatch(found);
  } catch {
    said.remove(); // a server without OpenCV, or a picture that is elsewhere: the rest is told all the same
  }
}

async function judge(sides, gallery, said, table) {
  try {
    const query = gallery ? `?gallery=${encodeURIComponent(gallery)}` : "";
    const found = await askServer(`/api/v1/compare${query}`, { first: form(sides[0]), second: form(sides[1]) });
    const first = found.wholes[0];
    const marks = { "same picture": "same_picture", "very near": "very_near", near: "near", "not near": "not_near" };
    // Of a detail, or a wall, the likeness as wholes says nothing.
    const isPart = found.evidence.found === "found" && found.evidence.relation !== "same picture";
    said.replaceChildren(...(isPart ? [] : [
      h("span", { className: `word ${marks[first.verdict] ?? "unjudged"}` }, verdict(first)),
      h("span", { className: "number" }, number(first.cosine))]),
      h("span", { className: "quiet", lang: "en" }, found.why));
    const rows = [
      ...found.wholes.map((one) => [t("number_cosine", { encoder: one.encoder }), one.cosine, one]),
      [t("number_ssim"), found.ssim], [t("number_ssim_mirrored"), found.ssim_mirrored],
      [t("number_rmse"), found.rmse], [t("number_rmse_mirrored"), found.rmse_mirrored],
      ...found.faces.map((one) => [t("number_face", { first: String(one.faces[0]), second: String(one.faces[1]), encoder: one.encoder }), one.cosine, one]),
    ];
    table.replaceChildren(h("summary", {}, t("numbers")), h("table", {}, h("tbody", {}, rows.map(([name, value, likeness]) =>
      h("tr", {}, h("th", { scope: "row" }, name), h("td", {}, number(value)), h("td", {}, likeness?.verdict ? verdict(likeness) : ""))))));
    table.hidden = false;
  } catch (error) {
    said.textContent = error.message;
  }
}

/** Both pictures, each in a pane of its own or one upon the other. */
class Stage {
  constructor(both) {
    this.both = both;
    this.view = { scale: 1, x: 0, y: 0 };
    this.points = readPoints(state.get().points) ?? startPoints();
    this.matched = null;
    this.fit = FITS.includes(state.get().fit) ? state.get().fit : "whole";
    this.mirrored = false;
    this.values = { overlay: 0.5, difference: 2, curtain: 0.5 };
    this.pointers = new Map();
    this.images = both.map((one, i) => h("img", { src: one.source, alt: "", draggable: false, className: i ? "second" : "first" }));
    this.edge = h("span", { className: "edge", hidden: true });
    this.over = h("div", { className: "over" });
    this.markers = both.map((_, i) => [0, 1, 2].map((k) => this.marker(i, k)));
    this.lines = svg("svg", { class: "lines", "aria-hidden": "true" });
    this.element = h("div", { className: "stage", tabIndex: 0, role: "group", "aria-label": t("stage"),
      onwheel: (event) => { event.preventDefault(); this.zoom(event.deltaY < 0 ? 1.2 : 1 / 1.2, event); },
      onpointerdown: (event) => this.down(event), onpointermove: (event) => this.move(event),
      onpointerup: (event) => this.up(event), onpointercancel: (event) => this.up(event) });
    this.tools = h("div", { className: "tools" });
    this.mode = MODES.includes(state.get().mode) ? state.get().mode : "side";
    this.showTools();
    this.show();
  }

  begin() {
    this.watching = new ResizeObserver(() => this.place());
    this.watching.observe(this.element);
    this.element.focus();
  }

  end() {
    this.watching?.disconnect();
    clearInterval(this.blinking);
  }

  set(mode) {
    this.mode = mode;
    state.set({ mode: mode === "side" ? "" : mode }, { replace: true });
    this.showTools();
    this.show();
  }

  show() {
    const { element, mode } = this;
    element.className = `stage ${mode}`;
    const panes = mode === "side" ? this.images.map((image, i) => [image, this.markers[i]]) : [[this.images[0], this.over, this.edge]];
    if (mode !== "side") this.over.replaceChildren(this.images[1]);
    element.replaceChildren(...panes.map((inside) => h("div", { className: "pane" }, inside)), this.lines);
    clearInterval(this.blinking);
    if (mode === "blink" && !calm.matches) this.blinking = setInterval(() => element.classList.toggle("turn"), 1000);
    this.place();
  }

  /** Width and height of each picture on the pane, before the zoom. */
  sizes(width, height) {
    const { both } = this;
    const fitting = (w, h_) => Math.min(width / w, height / h_);
    if (this.fit === "life" && both.every((one) => one.cm)) {
      const scale = Math.min(...both.map((one) => fitting(...one.cm)));
      return both.map((one) => one.cm.map((side) => side * scale));
    }
    if (this.fit === "width") {
      const wide = Math.min(...both.map((one) => fitting(one.width, one.height) * one.width));
      return both.map((one) => [wide, (wide * one.height) / one.width]);
    }
    return both.map((one) => [one.width, one.height].map((side) => side * fitting(one.width, one.height)));
  }

  /** What brings the second picture upon the first, where they are laid upon each other. */
  way() {
    if (this.mode === "side") return null;
    return this.fit === "matched" ? this.matched?.way ?? null : this.fit === "points" ? wayOf(this.points) : null;
  }

  place() {
    const pane = this.element.firstChild?.getBoundingClientRect();
    if (!pane?.width) return;
    const { scale, x, y } = this.view;
    const way = this.way();
    this.boxes = this.sizes(pane.width, pane.height).map(([w, high]) => ({ w, high, left: pane.width / 2 + (x - w / 2) * scale, top: pane.height / 2 + (y - high / 2) * scale, width: w * scale, height: high * scale }));
    this.boxes.forEach(({ w, high, left, top }, i) => {
      const { style } = this.images[i];
      const turned = i === 1 && this.mirrored;
      style.width = `${w}px`;
      style.height = `${high}px`;
      style.transform = i === 1 && way ? transformOf(way, [w, high], this.boxes[0])
        : `translate(${left + (turned ? w * scale : 0)}px, ${top}px) scale(${turned ? -scale : scale}, ${scale})`;
      const { large } = this.both[i];
      if (large && w * scale * devicePixelRatio > SIDE * 1.2 && Math.max(this.both[i].width, this.both[i].height) > SIDE && !this.images[i].dataset.large) {
        this.images[i].dataset.large = "yes";
        this.images[i].src = large;
      }
    });
    const at = this.values.curtain * pane.width;
    this.over.style.clipPath = this.mode === "curtain" ? `inset(0 0 0 ${at}px)` : "none";
    this.edge.hidden = this.mode !== "curtain";
    this.edge.style.setProperty("--edge", `${at}px`);
    this.element.style.setProperty("--much", this.values.overlay);
    this.element.style.setProperty("--bright", this.values.difference);
    this.mark();
  }

  /** Where a place of a picture is on its pane. */
  on(i, [x, y]) {
    const { left, top, width, height } = this.boxes[i];
    return [left + (i === 1 && this.mirrored ? 1 - x : x) * width, top + y * height];
  }

  /** Bring the points that are set, and those that match, to where the pictures are. */
  mark() {
    const isSet = this.fit === "points" && this.mode === "side";
    this.markers.forEach((own, i) => own.forEach((marker, k) => {
      marker.hidden = !isSet;
      const [x, y] = this.on(i, this.points[i][k]);
      marker.style.left = `${x}px`;
      marker.style.top = `${y}px`;
    }));
    const shown = this.matched && this.fit === "matched" && this.mode === "side";
    this.lines.replaceChildren();
    if (!shown) return;
    const panes = [...this.element.querySelectorAll(".pane")];
    const at = (i, place) => { const [x, y] = this.on(i, place); return [x + panes[i].offsetLeft, y]; };
    // An outline that leads out of its pane is cut there.
    const outline = (i, corners) => {
      const cut = svg("svg", { x: panes[i].offsetLeft, width: panes[i].clientWidth, height: panes[i].clientHeight });
      cut.append(svg("polygon", { points: corners.map((corner) => this.on(i, corner).join()).join(" ") }));
      return cut;
    };
    this.lines.append(...this.matched.outlines.map((corners, i) => outline(i, corners)), ...this.matched.pairs.flatMap(([x, y, x2, y2]) => {
      const [[a, b], [c, d]] = [at(0, [x, y]), at(1, [x2, y2])];
      return [svg("line", { x1: a, y1: b, x2: c, y2: d }), svg("circle", { cx: a, cy: b, r: 3 }), svg("circle", { cx: c, cy: d, r: 3 })];
    }));
  }

  /** A point that is dragged, or moved by the arrow keys, to the same thing in both pictures. */
  marker(i, k) {
    const label = t("point_n", { n: k + 1, title: this.both[i].title });
    const made = h("button", { type: "button", className: "marker", title: label, "aria-label": `${label}. ${t("point_how")}` }, String(k + 1));
    made.addEventListener("pointerdown", (event) => { event.stopPropagation(); made.setPointerCapture(event.pointerId); });
    made.addEventListener("pointermove", (event) => {
      if (!made.hasPointerCapture(event.pointerId)) return;
      event.stopPropagation();
      const pane = made.parentElement.getBoundingClientRect();
      const { left, top, width, height } = this.boxes[i];
      const x = (event.clientX - pane.x - left) / width;
      this.setPoint(i, k, [i === 1 && this.mirrored ? 1 - x : x, (event.clientY - pane.y - top) / height]);
    });
    made.addEventListener("pointerup", (event) => { event.stopPropagation(); this.keepPoints(); });
    made.addEventListener("keydown", (event) => {
      const way = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key];
      if (!way) return;
      event.preventDefault();
      event.stopPropagation();
      const step = event.shiftKey ? 0.05 : 0.005;
      const [x, y] = this.points[i][k];
      this.setPoint(i, k, [x + way[0] * step * (i === 1 && this.mirrored ? -1 : 1), y + way[1] * step]);
      this.keepPoints();
    });
    return made;
  }

  setPoint(i, k, place) {
    this.points[i][k] = place.map((share) => Math.min(1, Math.max(0, share)));
    this.place();
  }

  keepPoints() {
    state.set({ points: writePoints(this.points) }, { replace: true });
  }

  useFit(fit) {
    this.fit = fit;
    state.set({ fit: fit === "whole" ? "" : fit, points: fit === "points" ? writePoints(this.points) : "" }, { replace: true });
    this.showTools();
    this.place();
  }

  useMatch(found) {
    this.matched = found;
    this.showTools();
    this.place();
  }

  zoom(factor, at) {
    const { view } = this;
    const scale = Math.min(32, Math.max(1, view.scale * factor));
    const pane = (at?.target?.closest?.(".pane") ?? this.element.firstChild).getBoundingClientRect();
    const [px, py] = at ? [at.clientX - pane.x - pane.width / 2, at.clientY - pane.y - pane.height / 2] : [0, 0];
    view.x += px / scale - px / view.scale;
    view.y += py / scale - py / view.scale;
    view.scale = scale;
    if (scale === 1) view.x = view.y = 0;
    this.place();
  }

  shift(across, down) {
    const most = this.element.firstChild.getBoundingClientRect();
    const kept = (value, size) => Math.min(size / 2, Math.max(-size / 2, value));
    this.view.x = kept(this.view.x + across / this.view.scale, most.width);
    this.view.y = kept(this.view.y + down / this.view.scale, most.height);
    this.place();
  }

  down(event) {
    this.element.setPointerCapture(event.pointerId);
    this.pointers.set(event.pointerId, [event.clientX, event.clientY]);
    this.element.classList.add("moving");
  }

  move(event) {
    const before = this.pointers.get(event.pointerId);
    if (!before) return;
    const now = [event.clientX, event.clientY];
    if (this.pointers.size === 2) {
      const other = [...this.pointers].find(([id]) => id !== event.pointerId)[1];
      const apart = ([x, y]) => Math.hypot(x - other[0], y - other[1]) || 1;
      this.zoom(apart(now) / apart(before), { clientX: (now[0] + other[0]) / 2, clientY: (now[1] + other[1]) / 2, target: event.target });
    } else {
      this.shift(now[0] - before[0], now[1] - before[1]);
    }
    this.pointers.set(event.pointerId, now);
  }

  up(event) {
    this.pointers.delete(event.pointerId);
    if (!this.pointers.size) this.element.classList.remove("moving");
  }

  key(event) {
    if (event.target.closest("select") || event.ctrlKey || event.metaKey || event.altKey) return;
    const moves = { ArrowLeft: [40, 0], ArrowRight: [-40, 0], ArrowUp: [0, 40], ArrowDown: [0, -40] };
    const acts = {
      "+": () => this.zoom(1.4), "=": () => this.zoom(1.4), "-": () => this.zoom(1 / 1.4), 0: () => this.reset(),
      "[": () => this.change(-0.1), "]": () => this.change(0.1),
      ...(state.lettersOn() ? { m: () => this.mirror(!this.mirrored) } : {}),
      ...Object.fromEntries(MODES.map((mode, i) => [i + 1, () => this.set(mode)])),
    };
    if (moves[event.key] && event.target === this.element) this.shift(...moves[event.key]);
    else if (acts[event.key]) acts[event.key]();
    else return;
    event.preventDefault();
  }

  reset() {
    this.view = { scale: 1, x: 0, y: 0 };
    this.place();
  }

  mirror(on) {
    this.mirrored = on;
    this.showTools();
    this.place();
  }

  change(step) {
    if (!(this.mode in this.values)) return;
    const most = this.mode === "difference" ? 5 : 1;
    this.values[this.mode] = Math.min(most, Math.max(0, this.values[this.mode] + step * most));
    this.showTools();
    this.place();
  }

  showTools() {
    const { mode } = this;
    const choice = (name, chosen, list, changed) => h("fieldset", { className: "kinds" }, h("legend", { className: "hidden" }, t(name)),
      list.map((one) => h("label", {}, h("input", { type: "radio", name, id: `${name}-${one}`, checked: one === chosen, onchange: () => changed(one) }), h("span", {}, t(`${name}_${one}`)))));
    const there = { life: this.both.every((one) => one.cm), matched: this.matched };
    const fits = FITS.filter((one) => !(one in there) || there[one]);
    const isLaid = ["points", "matched"].includes(this.fit);
    redraw(this.tools, () => this.tools.replaceChildren(
      choice("mode", mode, MODES, (one) => this.set(one)),
      choice("fit", this.fit, fits, (one) => this.useFit(one)),
      isLaid && mode !== "side" ? "" : h("label", { className: "check" }, h("input", { type: "checkbox", id: "mirror", checked: this.mirrored, onchange: (event) => this.mirror(event.target.checked) }), t("mirror")),
      mode in this.values ? h("label", { className: "slider" }, t(`strength_${mode}`), h("input", {
        type: "range", id: "strength", min: 0, max: mode === "difference" ? 5 : 1, step: 0.01, value: this.values[mode],
        oninput: (event) => { this.values[mode] = Number(event.target.value); this.place(); } })) : "",
      mode === "blink" ? h("button", { type: "button", id: "swap", onclick: () => { clearInterval(this.blinking); this.element.classList.toggle("turn"); } }, t("swap")) : "",
      h("span", {}, [["zoom_in", () => this.zoom(1.4), "+"], ["zoom_out", () => this.zoom(1 / 1.4), "−"], ["zoom_reset", () => this.reset(), "1:1"]].map(([name, act, sign]) =>
        h("button", { type: "button", id: name, title: t(name), "aria-label": t(name), onclick: act }, sign))),
    ));
    if (this.fit === "points") this.tools.append(h("p", { className: "quiet" }, t(mode === "side" ? "points_set" : wayOf(this.points) ? "points_laid" : "points_on_line")));
  }
}
