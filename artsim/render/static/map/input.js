// Wheel, drag, pinch, keys and clicks.

const pointers = new Map();
let moved = 0;

function local(event) {
  const box = canvas.getBoundingClientRect();
  return [event.clientX - box.left, event.clientY - box.top];
}

// The point under a spot of the screen, -1 if there is none; faded ones cannot be hit.
function hit(px, py, slack = 6) {
  const size = pictureSize(), shown = size >= LEAST_PICTURE;
  const reach = shown ? Math.max(size / 2, 10) : dotRadius() + slack;
  const x = (px - view.x) / view.scale, y = (py - view.y) / view.scale, far = reach / view.scale;
  let best = -1, least = Infinity;
  within(x - far, y - far, x + far, y + far, (i) => {
    if (!lit[i] && i !== state.selected) return;
    const dx = Math.abs(place.x[i] * view.scale + view.x - px);
    const dy = Math.abs(place.y[i] * view.scale + view.y - py);
    const w = sizes[2 * i], h = sizes[2 * i + 1], most = Math.max(w, h, 1);
    const inside = shown && sheetOf[i] >= 0
      ? dx <= (w / most) * size / 2 + 1 && dy <= (h / most) * size / 2 + 1
      : dx * dx + dy * dy <= (shown ? 14 : reach) ** 2;
    const distance = dx * dx + dy * dy;
    if (inside && distance < least) {
      best = i;
      least = distance;
    }
  });
  return best;
}

function hoverAt(event) {
  const [px, py] = local(event);
  const i = morph ? -1 : hit(px, py);
  canvas.classList.toggle("pointing", i >= 0);
  if (i !== state.hover) {
    state.hover = i;
    redraw(true);
  }
  if (i >= 0) showTip(i, px, py);
  else hideTip();
}

canvas.addEventListener("pointerdown", (event) => {
  if (event.button > 0) return;
  canvas.setPointerCapture(event.pointerId);
  if (!pointers.size) moved = 0;
  pointers.set(event.pointerId, local(event));
  hideTip();
});

canvas.addEventListener("pointermove", (event) => {
  if (!pointers.has(event.pointerId)) {
    if (event.pointerType === "mouse") hoverAt(event);
    return;
  }
  const before = pointers.get(event.pointerId), now = local(event);
  if (pointers.size === 1) {
    moved += Math.hypot(now[0] - before[0], now[1] - before[1]);
    if (moved > 4) {
      canvas.classList.add("grabbing");
      panBy(now[0] - before[0], now[1] - before[1]);
    }
  } else {
    moved = Infinity;
    const other = [...pointers].find(([id]) => id !== event.pointerId)[1];
    const was = Math.hypot(before[0] - other[0], before[1] - other[1]);
    const is = Math.hypot(now[0] - other[0], now[1] - other[1]);
    panBy((now[0] - before[0]) / 2, (now[1] - before[1]) / 2);
    if (was > 0 && is > 0) zoomAt((now[0] + other[0]) / 2, (now[1] + other[1]) / 2, is / was);
  }
  pointers.set(event.pointerId, now);
});

function release(event) {
  if (!pointers.delete(event.pointerId)) return;
  if (pointers.size) return;
  canvas.classList.remove("grabbing");
  if (event.type !== "pointerup" || moved > 4 || morph) return;
  const i = hit(...local(event), event.pointerType === "mouse" ? 6 : 14);
  if (i !== state.selected) select(i);
}
canvas.addEventListener("pointerup", release);
canvas.addEventListener("pointercancel", release);
canvas.addEventListener("pointerleave", () => {
  if (state.hover >= 0) redraw(true);
  state.hover = -1;
  hideTip();
});

canvas.addEventListener("wheel", (event) => {
  event.preventDefault();
  const unit = event.deltaMode === 1 ? 18 : event.deltaMode === 2 ? view.height : 1;
  // A pinch on a trackpad comes as a wheel with Ctrl, in small steps.
  const pace = event.ctrlKey ? 0.01 : 0.0018;
  const steps = Math.max(-400, Math.min(400, event.deltaY * unit));
  zoomAt(...local(event), Math.exp(-steps * pace));
  hideTip();
}, { passive: false });

canvas.addEventListener("dblclick", (event) => {
  const [px, py] = local(event);
  const scale = clampScale(view.scale * (event.shiftKey ? 0.4 : 2.5)), change = scale / view.scale;
  flyTo({ scale, x: px - (px - view.x) * change, y: py - (py - view.y) * change }, 260);
});

function middle() {
  let best = -1, least = Infinity;
  for (let i = 0; i < count; i++) {
    if (!lit[i]) continue;
    const dx = place.x[i] * view.scale + view.x - view.width / 2;
    const dy = place.y[i] * view.scale + view.y - view.height / 2;
    if (dx * dx + dy * dy < least) {
      best = i;
      least = dx * dx + dy * dy;
    }
  }
  return best;
}

const STEP = 90;
const keys = {
  ArrowLeft: () => panBy(STEP, 0),
  ArrowRight: () => panBy(-STEP, 0),
  ArrowUp: () => panBy(0, STEP),
  ArrowDown: () => panBy(0, -STEP),
  "+": () => zoomStep(1.6),
  "=": () => zoomStep(1.6),
  "-": () => zoomStep(1 / 1.6),
  _: () => zoomStep(1 / 1.6),
  0: () => flyTo(wholeView(layouts[arrangement])),
  g: () => $("arrange").click(),
  Enter: () => select(middle()),
};

canvas.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || !Object.hasOwn(keys, event.key)) return;
  event.preventDefault();
  hideTip();
  keys[event.key]();
});

document.addEventListener("keydown", (event) => {
  const typing = event.target.matches("input, select");
  if (event.key === "/" && !typing && !event.ctrlKey && !event.metaKey) {
    event.preventDefault();
    unfold();
    $("words").focus();
  } else if (event.key === "Escape" && !typing) {
    select(-1);
  }
});
