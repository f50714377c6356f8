// Where one looks: screen = world * scale + (x, y), in CSS pixels.

const canvas = $("map");
const view = { x: 0, y: 0, scale: 1, width: 1, height: 1, ratio: 1, fit: 1 };
let flight = null;

function bounds(layout) {
  let left = Infinity, top = Infinity, right = -Infinity, bottom = -Infinity;
  for (let i = 0; i < count; i++) {
    const x = layout.x[i], y = layout.y[i];
    if (x < left) left = x;
    if (x > right) right = x;
    if (y < top) top = y;
    if (y > bottom) bottom = y;
  }
  return { left, top, right, bottom };
}

function wholeView(layout) {
  const box = bounds(layout);
  const margin = Math.min(60, 0.08 * Math.min(view.width, view.height));
  const wide = box.right - box.left || 0.05, high = box.bottom - box.top || 0.05;
  const scale = Math.min((view.width - 2 * margin) / wide, (view.height - 2 * margin) / high);
  return {
    scale,
    x: view.width / 2 - ((box.left + box.right) / 2) * scale,
    y: view.height / 2 - ((box.top + box.bottom) / 2) * scale,
  };
}

function clampScale(scale) {
  return Math.min(view.fit * 400, Math.max(view.fit * 0.5, scale));
}

function zoomAt(px, py, factor) {
  flight = null;
  const scale = clampScale(view.scale * factor);
  const change = scale / view.scale;
  view.x = px - (px - view.x) * change;
  view.y = py - (py - view.y) * change;
  view.scale = scale;
  redraw(true);
}

function panBy(dx, dy) {
  flight = null;
  view.x += dx;
  view.y += dy;
  redraw(true);
}

// Fly there; zoom grows by even factors, so that it seems steady.
function flyTo(target, milliseconds = 420) {
  if (calm.matches) {
    Object.assign(view, target);
    redraw();
    return;
  }
  const from = { x: view.x, y: view.y, scale: view.scale };
  const began = performance.now();
  flight = (now) => {
    const t = Math.min(1, Math.max(0, (now - began) / milliseconds));
    const s = t * t * (3 - 2 * t);
    const scale = from.scale * (target.scale / from.scale) ** s;
    const share = target.scale === from.scale ? s : (scale - from.scale) / (target.scale - from.scale);
    view.scale = scale;
    view.x = from.x + (target.x - from.x) * share;
    view.y = from.y + (target.y - from.y) * share;
    if (t >= 1) flight = null;
  };
  redraw(true);
}

function zoomStep(factor) {
  const scale = clampScale((view.scale * factor));
  const change = scale / view.scale, px = view.width / 2, py = view.height / 2;
  flyTo({ scale, x: px - (px - view.x) * change, y: py - (py - view.y) * change }, 220);
}

function centerOn(i, least) {
  const scale = clampScale(Math.max(view.scale, view.fit * least));
  flyTo({ scale, x: view.width / 2 - place.x[i] * scale, y: view.height / 2 - place.y[i] * scale });
}

function isOnScreen(i) {
  const x = place.x[i] * view.scale + view.x, y = place.y[i] * view.scale + view.y;
  return x > 20 && y > 20 && x < view.width - 20 && y < view.height - 20;
}
