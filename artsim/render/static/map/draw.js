// One frame at a time, and only when something changed.

const context = canvas.getContext("2d", { alpha: false });
const LEAST_PICTURE = 16; // pixels; smaller ones are dots
let due = false;
let paint = {};
let dots = null; // pixels of a frame of dots

// The last frame of pictures, moved along with the view where drawing all of them anew
// takes too long; drawn anew as soon as the view rests, and a few times a second.
let still = null;
let rest = 0;
const SLOW = 28, STALE = 300, REST = 140; // milliseconds

// Draw soon; `onlyMoved` says that nothing changed but the view or what lies on top.
function redraw(onlyMoved = false) {
  if (!onlyMoved) still = null;
  if (due) return;
  due = true;
  requestAnimationFrame(frame);
}

function readPaint() {
  const style = getComputedStyle(document.documentElement);
  for (const name of ["wall", "edge", "accent"]) {
    paint[name] = style.getPropertyValue(`--${name}`).trim();
  }
  dots = null;
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
  const size = 0.72 * apart * (view.scale / view.fit) ** 0.82;
  return Math.min(size, 1.7 * side, 0.4 * Math.min(view.width, view.height));
}

function dotRadius() {
  const apart = Math.sqrt((view.width * view.height) / Math.max(1, count));
  const radius = 0.23 * apart * Math.sqrt(view.scale / view.fit);
  return Math.min(9, Math.max(1.6, radius));
}

function frame(now) {
  due = false;
  if (flight) flight(now);
  if (morph) morph(now);
  clock++;
    const visible = visiblePoints();
  context.setTransform(1, 0, 0, 1, 0, 0);
  context.globalAlpha = 1;
  const size = pictureSize(), shown = size >= LEAST_PICTURE;
  if (!shown) drawDots(visible);
  else if (!drawStill(now)) drawPictures(visible, size, now);
  drawChosen(size, shown);
  if (flight || morph) redraw(true);
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
  if (!dots || dots.image.width !== canvas.width || dots.image.height !== canvas.height) dots = makeDots();
  dots.words.fill(dots.wall);
  const stamp = makeStamp(dotRadius() * view.ratio);
  let faded = false;
  for (let k = 0; k < visible.length && !faded; k++) faded = !lit[visible[k]];
  if (faded) stampAll(visible, stamp, 0, 33);
  stampAll(visible, stamp, 1, 256);
  context.putImageData(dots.image, 0, 0);
}

// Dots are set pixel by pixel: ten thousand take a few milliseconds, where drawing or
// copying as many with the canvas takes dozens without a graphics card.
function makeDots() {
  const image = new ImageData(canvas.width, canvas.height);
  const one = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
  const word = (color) => {
    one.fillStyle = color;
    one.fillRect(0, 0, 1, 1);
    return new Uint32Array(one.getImageData(0, 0, 1, 1).data.buffer)[0];
  };
  const words = new Uint32Array(image.data.buffer);
  return { image, words, wall: word(paint.wall), edge: word(paint.edge) };
}

// The pixels of one dot: how much of each it covers, in 256ths, and a thin edge around it,
// so that dots which overlap can be told apart, and dark ones seen on a dark wall.
function makeStamp(radius) {
  const edge = Math.max(0.6, Math.min(1.2 * view.ratio, radius / 4));
  const reach = Math.ceil(radius + edge + 0.5), box = 2 * reach + 1;
  const inner = new Uint16Array(box * box), outer = new Uint16Array(box * box);
  const cover = (from, r) => Math.round(256 * Math.min(1, Math.max(0, r + 0.5 - from)));
  for (let y = 0; y < box; y++) {
    for (let x = 0; x < box; x++) {
      const from = Math.hypot(x - reach, y - reach);
      inner[y * box + x] = cover(from, radius);
      outer[y * box + x] = cover(from, radius + edge);
    }
  }
  return { reach, box, inner, outer };
}

function stampAll(visible, stamp, pass, strength) {
  const ax = view.scale * view.ratio, bx = view.x * view.ratio, by = view.y * view.ratio;
  for (let k = 0; k < visible.length; k++) {
    const i = visible[k];
    if (lit[i] === pass) stampOne(stamp, place.x[i] * ax + bx, place.y[i] * ax + by, swatches[colorOf[i]], strength);
  }
}

function stampOne(stamp, px, py, [r, g, b], strength) {
  const { reach, box, inner, outer } = stamp, { words, edge } = dots;
  const width = canvas.width, height = canvas.height;
  const left = Math.round(px) - reach, top = Math.round(py) - reach;
  const solid = (255 << 24) | (b << 16) | (g << 8) | r;
  const x0 = Math.max(0, -left), x1 = Math.min(box, width - left);
  const y0 = Math.max(0, -top), y1 = Math.min(box, height - top);
  for (let y = y0; y < y1; y++) {
    let at = (top + y) * width + left + x0, from = y * box + x0;
    for (let x = x0; x < x1; x++, at++, from++) {
      const a = (inner[from] * strength) >> 8;
      if (a === 256) {
        words[at] = solid;
        continue;
      }
      const o = (outer[from] * strength) >> 8;
      if (o === 0) continue;
      let word = words[at];
      if (strength === 256 && o > a) word = mix(word, edge & 255, (edge >> 8) & 255, (edge >> 16) & 255, o);
      words[at] = a ? mix(word, r, g, b, a) : word;
    }
  }
}

function mix(word, r, g, b, share) {
  const r0 = word & 255, g0 = (word >> 8) & 255, b0 = (word >> 16) & 255;
  return (255 << 24) | ((b0 + (((b - b0) * share) >> 8)) << 16) | ((g0 + (((g - g0) * share) >> 8)) << 8)
    | (r0 + (((r - r0) * share) >> 8));
}

function drawStill(now) {
  if (!still || morph || now - still.at > STALE || still.image.width !== canvas.width) return false;
  const change = view.scale / still.scale;
  if (change < 0.6 || change > 1.8) return false;
  context.fillStyle = paint.wall;
  context.fillRect(0, 0, canvas.width, canvas.height);
  const x = (view.x - still.x * change) * view.ratio, y = (view.y - still.y * change) * view.ratio;
  context.drawImage(still.image, x, y, still.image.width * change, still.image.height * change);
  clearTimeout(rest);
  rest = setTimeout(redraw, REST);
  return true;
}

function keepStill(now) {
  const image = document.createElement("canvas");
  image.width = canvas.width;
  image.height = canvas.height;
  image.getContext("2d", { alpha: false }).drawImage(canvas, 0, 0);
  still = { image, x: view.x, y: view.y, scale: view.scale, at: now };
}

function drawPictures(visible, size, now) {
  const began = performance.now();
  context.fillStyle = paint.wall;
  context.fillRect(0, 0, canvas.width, canvas.height);
  context.setTransform(view.ratio, 0, 0, view.ratio, 0, 0);
  // Small copies are drawn at about their own size: no need of a better filter.
  context.imageSmoothingQuality = isLarge(size * view.ratio) ? "medium" : "low";
  const frameWidth = state.field >= 0 ? Math.max(1, Math.min(3, size / 24)) : 0;
  for (const pass of [0, 1]) {
    context.globalAlpha = pass ? 1 : 0.12;
    for (let k = 0; k < visible.length; k++) {
      const i = visible[k];
      if (lit[i] === pass) drawOne(i, size, pass ? frameWidth : 0);
    }
  }
  context.globalAlpha = 1;
  const slow = performance.now() - began > SLOW;
  if (slow) keepStill(now);
  else still = null;
}

function drawOne(i, size, frameWidth) {
  const x = place.x[i] * view.scale + view.x, y = place.y[i] * view.scale + view.y;
  const inner = size - 2 * frameWidth;
  if (!hasPicture(i, inner * view.ratio)) return drawBlank(i, x, y, Math.min(9, size / 4));
  if (frameWidth) {
    const w = sizes[2 * i], h = sizes[2 * i + 1], most = Math.max(w, h);
    const fw = (w / most) * inner + 2 * frameWidth, fh = (h / most) * inner + 2 * frameWidth;
    context.fillStyle = paints[colorOf[i]];
    context.fillRect(x - fw / 2, y - fh / 2, fw, fh);
  }
  drawPicture(context, i, x, y, inner, view.ratio);
}

function drawBlank(i, x, y, radius) {
  context.beginPath();
  context.arc(x, y, radius, 0, 2 * Math.PI);
  context.fillStyle = paints[colorOf[i]];
  context.fill();
}

// The hovered and the selected point, its nearest, and the match of the search lie on top.
function drawChosen(size, shown) {
  context.setTransform(view.ratio, 0, 0, view.ratio, 0, 0);
  const at = (i) => [place.x[i] * view.scale + view.x, place.y[i] * view.scale + view.y];
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

// As a search words it; that two are the same picture their pixels would say.
function meaningOf(score, at) {
  if (!data.meaning) return "";
  const { near, very_near } = data.meaning, percent = percentiles[at] / 1000;
  const word = score >= very_near ? "very near " : score >= near ? "near " : "";
  return `${word}${percent.toFixed(percent < 99 ? 1 : 3)} %`;
}

function nearestOf(i) {
  const found = [];
  for (let k = 0; k < perPoint; k++) {
    const at = i * perPoint + k, j = neighbors[at], score = scores[at] / 10000;
    if (j >= 0) found.push([j, score, meaningOf(score, at)]);
  }
  return found;
}
