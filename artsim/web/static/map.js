// The gallery in the plane, alike beside alike: dots from afar, pictures near by.

import { call, survey, thumbnail } from "./api.js";
import { $, h, t } from "./dom.js";
import { caption } from "./grid.js";
import * as keep from "./keep.js";
import * as state from "./state.js";

// The colors of `artsim map`, which color-blind eyes tell apart too.
const PALETTE = ["#003cd2", "#ebd21e", "#5a3c00", "#00d2eb", "#eb7800", "#1eeb96", "#1e7878", "#d296b4", "#eb003c", "#7896eb", "#1e7800", "#781e5a"];
const OTHER = "#8a8680";
const UNKNOWN = "#bebab3";
const COLORED = ["style", "school", "genre", "artist"];
const LEAST_PICTURE = 22;
const MOST_PICTURES = 500;

let drawn = null;

/** Show the map, on it the works that are `chosen`: those of an answer, or that meet filters. */
export async function show(now, hits, actions, signal) {
  const map = await survey(`/api/v1/map?${state.params(now, ["gallery"])}`, signal, ({ done, total }) =>
    ($("said").textContent = total && done ? t("map_making_of", { done, total }) : t("map_making")));
  const filters = state.filterParams(now);
  const isFiltered = [...filters.keys()].some((name) => name !== "gallery");
  let lit = null;
  if (hits) lit = new Set(hits.map((hit) => hit.painting_id));
  else if (isFiltered) {
    const points = new Set((await call(`/api/v1/map/chosen?${filters}`, { signal })).points);
    lit = new Set(map.ids.filter((_, i) => points.has(map.points[i])));
  }
  drawn?.end();
  drawn = new Plane(map, lit, now, actions);
  return map;
}

export const hide = () => {
  drawn?.end();
  drawn = null;
  $("plane").replaceChildren();
};

class Plane {
  constructor(map, lit, now, actions) {
    Object.assign(this, { map, lit, actions, gallery: now.gallery, own: now.id });
    this.count = map.ids.length;
    this.images = new Map();
    this.pointers = new Map();
    this.aside = localStorage.getItem("artsim-map") === "cells";
    this.at = -1; // the work that the keys are at
    this.canvas = h("canvas", { tabIndex: 0, role: "application", "aria-label": t("map_label", { n: this.count }), "aria-describedby": "map-keys",
      onwheel: (event) => { event.preventDefault(); this.zoom(event.deltaY < 0 ? 1.25 : 0.8, event); },
      onpointerdown: (event) => this.down(event), onpointermove: (event) => this.move(event), onpointerup: (event) => this.up(event),
      onpointercancel: (event) => this.pointers.delete(event.pointerId), ondblclick: () => this.open(), onkeydown: (event) => this.key(event) });
    this.picked = h("div", { className: "picked", role: "status", "aria-live": "polite" });
    this.tip = h("span", { className: "tip", hidden: true, "aria-hidden": "true" });
    this.legend = h("ul", { className: "legend" });
    const buttons = [["zoom_in", "+", () => this.zoom(1.5)], ["zoom_out", "−", () => this.zoom(1 / 1.5)], ["map_whole", "1:1", () => this.reset()]];
    const fields = COLORED.filter((name) => new Set(map.known[name]).size > 1);
    const chosen = fields.includes(localStorage.getItem("artsim-map-color")) ? localStorage.getItem("artsim-map-color") : "";
    $("plane").replaceChildren(
      h("div", { className: "tools" },
        h("label", { className: "check" }, h("input", { type: "checkbox", id: "map-cells", checked: this.aside, onchange: (event) => this.lay(event.target.checked) }), t("map_cells")),
        h("label", { className: "sort" }, t("map_color"), h("select", { id: "map-color", onchange: (event) => this.color(event.target.value) },
          [["", t("map_plain")], ...fields.map((name) => [name, t(`field_${name}`)])].map(([name, text]) => h("option", { value: name, selected: name === chosen }, text)))),
        h("span", {}, buttons.map(([name, sign, act]) => h("button", { type: "button", title: t(name), "aria-label": t(name), onclick: act }, sign)))),
      h("div", { className: "sky" }, this.canvas, this.tip), this.legend, this.picked,
      h("p", { className: "quiet", id: "map-keys" }, t("map_keys")),
      h("p", { className: "quiet" }, [map.trust ? t("map_trust", { k: map.trust.k, share: Math.round(100 * map.trust.kept), chance: Math.round(100 * map.trust.by_chance), encoder: map.encoder }) : "",
        map.total > this.count ? t("map_sample", { n: this.count, total: map.total }) : ""].filter(Boolean).join(" ")));
    this.watching = new ResizeObserver(() => this.measure());
    this.watching.observe(this.canvas);
    this.dark = matchMedia("(prefers-color-scheme: dark)");
    this.dark.addEventListener("change", (this.repaint = () => this.draw()));
    this.color(chosen);
    this.lay(this.aside);
  }

  end() {
    this.watching.disconnect();
    this.dark.removeEventListener("change", this.repaint);
  }

  /** Lay works where they belong, or side by side without overlap. */
  lay(aside) {
    const { map } = this;
    this.aside = aside;
    localStorage.setItem("artsim-map", aside ? "cells" : "");
    const most = 1 + Math.max(...map.cells.map(([column, row]) => Math.max(column, row)));
    this.places = aside ? map.cells.map(([column, row]) => [(column + 0.5) / most, (row + 0.5) / most]) : map.x.map((x, i) => [x / 65535, map.y[i] / 65535]);
    this.cell = aside ? 0.94 / most : null;
    this.reset();
  }

  color(field) {
    localStorage.setItem("artsim-map-color", field);
    const values = field ? this.map.known[field] : [];
    const counts = new Map();
    for (const value of values) if (value) counts.set(value, (counts.get(value) ?? 0) + 1);
    const listed = [...counts].sort((a, b) => b[1] - a[1]).slice(0, PALETTE.length);
    const of = new Map(listed.map(([value], i) => [value, PALETTE[i]]));
    this.colors = field ? values.map((value) => (value ? of.get(value) ?? OTHER : UNKNOWN)) : null;
    const rest = values.filter((value) => value && !of.has(value)).length;
    const unknown = values.filter((value) => !value).length;
    const rows = [...listed.map(([value, n], i) => [PALETTE[i], value, n]), ...(rest ? [[OTHER, t("map_other"), rest]] : []), ...(unknown ? [[UNKNOWN, t("map_unknown"), unknown]] : [])];
    this.legend.replaceChildren(...(field ? rows : []).map(([color, value, n]) => h("li", {}, h("i", { style: { "--dot": color } }), h("span", { dir: "auto" }, value), h("span", { className: "count" }, t("number", { n })))));
    this.draw();
  }

  measure() {
    const { clientWidth: width, clientHeight: height } = this.canvas;
    const ratio = Math.min(2, devicePixelRatio || 1);
    Object.assign(this, { width, height, ratio });
    this.canvas.width = Math.round(width * ratio);
    this.canvas.height = Math.round(height * ratio);
    if (!this.view || this.isWhole) this.reset();
    else this.draw();
  }

  reset() {
    if (!this.width) return;
    const margin = this.cell ? 4 : 26;
    const xs = this.places.map(([x]) => x);
    const ys = this.places.map(([, y]) => y);
    const edge = (this.cell ?? 0) * 0.6;
    const [left, top] = [Math.min(...xs) - edge, Math.min(...ys) - edge];
    const [wide, high] = [Math.max(...xs) + edge - left || 0.05, Math.max(...ys) + edge - top || 0.05];
    const scale = Math.min((this.width - 2 * margin) / wide, (this.height - 2 * margin) / high);
    this.view = { scale, x: this.width / 2 - (left + wide / 2) * scale, y: this.height / 2 - (top + high / 2) * scale };
    this.least = scale;
    this.isWhole = true;
    this.draw();
  }

  zoom(factor, at) {
    const { view } = this;
    const box = this.canvas.getBoundingClientRect();
    const [px, py] = at ? [at.clientX - box.x, at.clientY - box.y] : this.at >= 0 ? this.screen(this.at) : [this.width / 2, this.height / 2];
    const scale = Math.min(this.least * 200, Math.max(this.least * 0.7, view.scale * factor));
    const change = scale / view.scale;
    view.x = px - (px - view.x) * change;
    view.y = py - (py - view.y) * change;
    view.scale = scale;
    this.isWhole = false;
    this.draw();
  }

  screen(i) {
    const [x, y] = this.places[i];
    return [x * this.view.scale + this.view.x, y * this.view.scale + this.view.y];
  }

  /** Pixels of a picture's longer side; pictures grow more slowly than the map, which parts them. */
  size() {
    if (this.cell) return this.cell * this.view.scale;
    const apart = Math.sqrt((this.width * this.height) / Math.max(1, this.count));
    return Math.min(200, 0.72 * apart * (this.view.scale / this.least) ** 0.8);
  }

  draw() {
    if (this.due || !this.view) return;
    this.due = true;
    requestAnimationFrame(() => { this.due = false; this.paint(); });
  }

  paint() {
    const { canvas, ratio, width, height, lit } = this;
    const context = canvas.getContext("2d");
    const style = getComputedStyle(document.documentElement);
    const [ink, muted, accent, wall] = ["ink", "muted", "accent", "wall"].map((name) => style.getPropertyValue(`--${name}`));
    const size = this.size();
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    context.fillStyle = wall;
    context.fillRect(0, 0, width, height);
    const seen = [];
    for (let i = 0; i < this.count; i++) {
      const [x, y] = this.screen(i);
      if (x > -size && y > -size && x < width + size && y < height + size) seen.push([i, x, y]);
    }
    const shown = size >= LEAST_PICTURE && seen.length <= MOST_PICTURES;
    const radius = Math.max(2, Math.min(7, size / 5));
    const isLit = (i) => !lit || lit.has(this.map.ids[i]);
    // What is chosen lies on top.
    seen.sort((a, b) => isLit(a[0]) - isLit(b[0]) || a[0] - b[0]);
    for (const [i, x, y] of seen) {
      context.globalAlpha = isLit(i) ? 1 : 0.18;
      const image = shown && this.image(i);
      if (image) this.picture(context, image, i, x, y, size, wall);
      else {
        context.fillStyle = this.colors?.[i] ?? (lit && isLit(i) ? accent : muted);
        context.beginPath();
        context.arc(x, y, radius, 0, 2 * Math.PI);
        context.fill();
        if (lit && isLit(i)) this.ring(context, x, y, radius + 1.5, ink, 1);
      }
    }
    context.globalAlpha = 1;
    for (const [i, x, y] of seen) {
      if (i === this.at || this.map.ids[i] === this.own) this.ring(context, x, y, (shown ? size * 0.62 : radius) + 4, i === this.at ? accent : ink, 3);
    }
  }

  picture(context, image, i, x, y, size, wall) {
    const ratio = this.map.ratios[i];
    const [w, high] = ratio > 1 ? [size, size / ratio] : [size * ratio, size];
    const edge = this.colors ? Math.max(2, size / 18) : 1;
    context.fillStyle = this.colors?.[i] ?? wall;
    context.fillRect(x - w / 2 - edge, y - high / 2 - edge, w + 2 * edge, high + 2 * edge);
    context.drawImage(image, x - w / 2, y - high / 2, w, high);
  }

  ring(context, x, y, radius, color, width) {
    context.strokeStyle = color;
    context.lineWidth = width;
    context.beginPath();
    context.arc(x, y, radius, 0, 2 * Math.PI);
    context.stroke();
  }

  hit(i) {
    const { map, gallery } = this;
    const known = Object.fromEntries(Object.entries(map.known).map(([name, values]) => [name, values[i] ?? undefined]));
    return { painting_id: map.ids[i], picture_id: gallery ? `${gallery}~${map.points[i]}` : map.points[i], payload: { ...known, image_sha256: map.pictures[i] } };
  }

  image(i) {
    const known = this.images.get(i);
    if (known) return known.complete && known.naturalWidth ? known : null;
    const made = h("img", { src: thumbnail(this.hit(i), 240), decoding: "async", onload: () => this.draw() });
    this.images.set(i, made);
    return null;
  }

  nearest(px, py, most, meets = () => true) {
    let [best, least] = [-1, most];
    for (let i = 0; i < this.count; i++) {
      const [x, y] = this.screen(i);
      const far = Math.hypot(x - px, y - py);
      if (far < least && meets(x - px, y - py, i)) [best, least] = [i, far];
    }
    return best;
  }

  /** Go to a work: its name below the map, and what can be done with it. */
  pick(i) {
    this.at = i;
    if (i < 0) this.picked.replaceChildren();
    else {
      const hit = this.hit(i);
      const title = hit.payload.title ?? t("no_title");
      const [x, y] = this.screen(i);
      if (x < 20 || y < 20 || x > this.width - 20 || y > this.height - 20) Object.assign(this.view, { x: this.view.x + this.width / 2 - x, y: this.view.y + this.height / 2 - y });
      this.picked.replaceChildren(
        h("img", { src: thumbnail(hit, 240), alt: "" }),
        h("div", { className: "about" }, h("p", { className: "title", dir: "auto" }, title), h("p", { className: "detail", dir: "auto" }, caption(hit.payload)),
          h("p", { className: "acts" }, h("button", { type: "button", className: "link", onclick: () => this.actions.open(hit), "aria-label": t("open_record", { title }), "aria-haspopup": "dialog" }, t("open_short")),
            this.actions.list(hit).map(([text, act]) => h("button", { type: "button", className: "link", onclick: act, "aria-label": `${text}: ${title}` }, text)), keep.button(hit, "link"))));
    }
    this.draw();
  }

  open() {
    if (this.at >= 0) this.actions.open(this.hit(this.at));
  }

  down(event) {
    this.canvas.setPointerCapture(event.pointerId);
    this.pointers.set(event.pointerId, [event.clientX, event.clientY]);
    this.moved = 0;
  }

  move(event) {
    const before = this.pointers.get(event.pointerId);
    const now = [event.clientX, event.clientY];
    const box = this.canvas.getBoundingClientRect();
    if (!before) {
      const i = this.nearest(now[0] - box.x, now[1] - box.y, Math.max(10, this.size() / 2));
      this.canvas.style.cursor = i < 0 ? "grab" : "pointer";
      this.tip.hidden = i < 0;
      if (i >= 0) {
        const { payload } = this.hit(i);
        this.tip.textContent = [payload.title ?? t("no_title"), caption(payload)].filter(Boolean).join(", ");
        const [x, y] = this.screen(i);
        this.tip.style.left = `${Math.min(Math.max(x, 90), this.width - 90)}px`;
        this.tip.style.top = `${y}px`;
      }
      return;
    }
    this.tip.hidden = true;
    if (this.pointers.size === 2) {
      const other = [...this.pointers].find(([id]) => id !== event.pointerId)[1];
      const apart = ([x, y]) => Math.hypot(x - other[0], y - other[1]) || 1;
      this.zoom(apart(now) / apart(before), { clientX: (now[0] + other[0]) / 2, clientY: (now[1] + other[1]) / 2 });
    } else {
      this.pan(now[0] - before[0], now[1] - before[1]);
    }
    this.moved += Math.hypot(now[0] - before[0], now[1] - before[1]);
    this.pointers.set(event.pointerId, now);
  }

  up(event) {
    this.pointers.delete(event.pointerId);
    if (this.moved > 5) return;
    const box = this.canvas.getBoundingClientRect();
    this.pick(this.nearest(event.clientX - box.x, event.clientY - box.y, Math.max(14, this.size() / 2)));
  }

  pan(across, down) {
    this.view.x += across;
    this.view.y += down;
    this.isWhole = false;
    this.draw();
  }

  key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const ways = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
    const letters = { f: (hit) => this.actions.list(hit)[0][1](), k: keep.turn };
    const way = ways[event.key];
    if (way && event.shiftKey) this.pan(-90 * way[0], -90 * way[1]);
    else if (way) {
      const [px, py] = this.at >= 0 ? this.screen(this.at) : [this.width / 2, this.height / 2];
      // The nearest within an eighth of a turn to either side.
      const i = this.nearest(px, py, Infinity, (x, y, i) => i !== this.at && x * way[0] + y * way[1] > 0.7 * Math.hypot(x, y) && (!this.lit || this.lit.has(this.map.ids[i])));
      if (i >= 0) this.pick(i);
    } else if (event.key === "Enter") this.open();
    else if (event.key === "+" || event.key === "=") this.zoom(1.5);
    else if (event.key === "-") this.zoom(1 / 1.5);
    else if (event.key === "0") this.reset();
    else if (state.lettersOn() && letters[event.key] && this.at >= 0) letters[event.key](this.hit(this.at));
    else return;
    event.preventDefault();
  }
}
