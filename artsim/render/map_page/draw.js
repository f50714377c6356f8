// One frame at a time, and only when something changed.

const context = canvas.getContext("2d", { alpha: false });
let due = false;
let paint = {};
let dots = { canvas: null, key: "", side: 0 };
const frames = { drawn: 0, points: 0, pictures: 0 };

function redraw() {
  if (due) return;
  due = true;
  requestAnimationFrame(frame);
}

function readPaint() {
  const style = getComputedStyle(document.documentElement);
  for (const name of ["wall", "ink", "muted", "line", "accent"]) {
    paint[name] = style.getPropertyValue(`--${name}`).trim();
  }
  dots.key = "";
  redraw();
}

function measure() {
  const box = canvas.getBoundingClientRect();
  const before = { width: view.width, height: view.height, fit: view.fit };
  view.width = Math.max(1, box.width);
  view.height = Math.max(1, box.height);
  view.ratio = Math.min(2, devicePixelRatio || 1);
  canvas.width = Math.round(view.width * view.ratio);
  canvas.height = Math.round(view.height * view.ratio);
  view.fit = wholeView(layouts[arrangement]).scale;
  if (before.width <= 1) {
    Object.assign(view, wholeView(layouts[arrangement]));
  } else {
    // The middle stays the middle.
    const change = view.fit / before.fit;
    view.x = view.width / 2 - (before.width / 2 - view.x) * change;
    view.y = view.height / 2 - (before.height / 2 - view.y) * change;
    view.scale *= change;
  }
  redraw();
}

// Pictures grow more slowly than the map, so that zooming in parts those that overlap.
function pictureSize() {
  if (!sheets.length) return 0;
  if (arrangement === "grid" && !morph) return cellWorld * view.scale * 0.94;
  const apart = Math.sqrt((view.width * view.height) / Math.max(1, count));
  const size = 0.62 * apart * (view.scale / view.fit) ** 0.72;
  return Math.min(size, 1.7 * side, 0.4 * Math.min(view.width, view.height));
}

function dotRadius() {
  const apart = Math.sqrt((view.width * view.height) / Math.max(1, count));
  const radius = 0.2 * apart * Math.sqrt(view.scale / view.fit);
  return Math.min(9, Math.max(1.6, radius));
}

// Every color's dot, ready to be copied: quicker than drawing ten thousand circles.
function dotSprites(radius) {
  const r = Math.round(radius * 4) / 4;
  const key = `${r} ${view.ratio} ${state.field} ${paint.wall}`;
  if (dots.key === key) return;
  const box = Math.ceil((r + 1.5) * 2 * view.ratio);
  const strip = document.createElement("canvas");
  strip.width = box * swatches.length;
  strip.height = box;
  const brush = strip.getContext("2d");
  swatches.forEach((color, k) => {
    brush.beginPath();
    brush.arc(box * k + box / 2, box / 2, r * view.ratio, 0, 2 * Math.PI);
    brush.fillStyle = css(color);
    brush.fill();
    brush.lineWidth = Math.max(0.5, Math.min(1, r / 4)) * view.ratio;
    brush.strokeStyle = paint.wall;
    brush.stroke();
  });
  dots = { canvas: strip, key, side: box };
}

function frame(now) {
  due = false;
  if (flight) flight(now);
  if (morph) morph(now);
  clock++;
  frames.drawn++;
  const visible = visiblePoints();
  context.setTransform(1, 0, 0, 1, 0, 0);
  context.globalAlpha = 1;
  context.fillStyle = paint.wall;
  context.fillRect(0, 0, canvas.width, canvas.height);
  const size = pictureSize();
  frames.points = visible.length;
  frames.pictures = 0;
  if (size >= 14) drawPictures(visible, size);
  else drawDots(visible);
  drawChosen(size);
  if (flight || morph) redraw();
  decodeMore();
}

function visiblePoints() {
  if (morph) return Array.from({ length: count }, (_, i) => i);
  const edge = Math.max(12, pictureSize() / 2) / view.scale;
  const left = -view.x / view.scale - edge, top = -view.y / view.scale - edge;
  const right = (view.width - view.x) / view.scale + edge;
  const bottom = (view.height - view.y) / view.scale + edge;
  const found = [];
  if (right < 0 || bottom < 0 || left > 1 || top > 1) return found;
  within(left, top, right, bottom, (i) => {
    const x = place.x[i], y = place.y[i];
    if (x >= left && x <= right && y >= top && y <= bottom) found.push(i);
  });
  return found;
}

function drawDots(visible) {
  dotSprites(dotRadius());
  const box = dots.side, half = box / 2, ratio = view.ratio;
  const ax = view.scale * ratio, bx = view.x * ratio - half, by = view.y * ratio - half;
  let faded = false;
  for (let i = 0; i < visible.length && !faded; i++) faded = !lit[visible[i]];
  for (const pass of faded ? [0, 1] : [1]) {
    context.globalAlpha = pass ? 1 : 0.13;
    for (let k = 0; k < visible.length; k++) {
      const i = visible[k];
      if (lit[i] !== pass) continue;
      // Whole pixels: copying is several times quicker there.
      const x = (place.x[i] * ax + bx + 0.5) | 0, y = (place.y[i] * ax + by + 0.5) | 0;
      context.drawImage(dots.canvas, colorOf[i] * box, 0, box, box, x, y, box, box);
    }
  }
  context.globalAlpha = 1;
}

function drawPictures(visible, size) {
  const ratio = view.ratio;
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  context.imageSmoothingQuality = "medium";
  const frameWidth = state.field >= 0 ? Math.max(1, Math.min(3, size / 24)) : 0;
  for (const pass of [0, 1]) {
    context.globalAlpha = pass ? 1 : 0.12;
    for (let k = 0; k < visible.length; k++) {
      const i = visible[k];
      if (lit[i] === pass) drawOne(i, size, frameWidth);
    }
  }
  context.globalAlpha = 1;
}

function drawOne(i, size, frameWidth) {
  const x = place.x[i] * view.scale + view.x, y = place.y[i] * view.scale + view.y;
  const w = sizes[2 * i], h = sizes[2 * i + 1], most = Math.max(w, h);
  const inner = size - 2 * frameWidth;
  if (sheetOf[i] < 0) return drawBlank(i, x, y, Math.min(9, size / 4));
  if (frameWidth) {
    const fw = (w / most) * inner + 2 * frameWidth, fh = (h / most) * inner + 2 * frameWidth;
    context.fillStyle = css(swatches[colorOf[i]]);
    context.fillRect(x - fw / 2, y - fh / 2, fw, fh);
  }
  if (drawPicture(context, i, x, y, inner, view.ratio)) frames.pictures++;
  else if (!frameWidth) drawBlank(i, x, y, size / 4);
}

function drawBlank(i, x, y, radius) {
  context.beginPath();
  context.arc(x, y, radius, 0, 2 * Math.PI);
  context.fillStyle = css(swatches[colorOf[i]]);
  context.fill();
}

// The hovered and the selected point, its nearest, and the match of the search lie on top.
function drawChosen(size) {
  context.setTransform(view.ratio, 0, 0, view.ratio, 0, 0);
  const at = (i) => [place.x[i] * view.scale + view.x, place.y[i] * view.scale + view.y];
  const shown = size >= 14;
  const width = shown ? Math.max(1, Math.min(3, size / 24)) : 0;
  if (state.selected >= 0) {
    const [sx, sy] = at(state.selected);
    const near = nearestOf(state.selected);
    context.strokeStyle = paint.accent;
    context.lineWidth = 1.25;
    context.globalAlpha = 0.75;
    context.beginPath();
    for (const [i] of near) {
      context.moveTo(sx, sy);
      context.lineTo(...at(i));
    }
    context.stroke();
    context.globalAlpha = 1;
    for (const [i] of near) emphasize(i, ...at(i), size, shown, width, 1.5);
    emphasize(state.selected, sx, sy, size, shown, width, 3);
  }
  if (state.hover >= 0 && state.hover !== state.selected) {
    emphasize(state.hover, ...at(state.hover), size, shown, width, 2);
  }
}

function emphasize(i, x, y, size, shown, frameWidth, line) {
  context.strokeStyle = paint.accent;
  context.lineWidth = line;
  if (shown && sheetOf[i] >= 0) {
    drawOne(i, size, frameWidth);
    const w = sizes[2 * i], h = sizes[2 * i + 1], most = Math.max(w, h);
    const bw = (w / most) * size + line, bh = (h / most) * size + line;
    context.strokeRect(x - bw / 2, y - bh / 2, bw, bh);
    return;
  }
  const radius = Math.max(4, dotRadius() + 1);
  drawBlank(i, x, y, radius);
  context.beginPath();
  context.arc(x, y, radius + line / 2, 0, 2 * Math.PI);
  context.stroke();
}

function nearestOf(i) {
  const found = [];
  for (let k = 0; k < perPoint; k++) {
    const j = neighbors[i * perPoint + k];
    if (j >= 0) found.push([j, scores[i * perPoint + k] / 10000]);
  }
  return found;
}
