// What is chosen: coloring, filters, search, the point under the pointer, the one selected.

const state = { field: -1, chosen: new Set(), peek: null, matches: null, match: -1, hover: -1, selected: -1 };
const BINS = 8;
let colorOf = new Uint8Array(count); // index into `swatches`
let groupOf = new Int16Array(count); // row of the legend
let swatches = [];
let paints = []; // the same, as CSS
let rows = []; // of the legend: label, count, swatch
const lit = new Uint8Array(count); // 1 where a point is not faded

const css = ([r, g, b]) => `rgb(${r} ${g} ${b})`;

function scaleColor(share) {
  const stops = data.scale, at = Math.min(1, Math.max(0, share)) * (stops.length - 1);
  const low = Math.min(Math.floor(at), stops.length - 2), rest = at - low;
  return stops[low].map((v, c) => Math.round(v + (stops[low + 1][c] - v) * rest));
}

function useField(index) {
  state.field = index;
  state.chosen.clear();
  state.peek = null;
  const field = data.fields[index];
  if (!field) colorNothing();
  else if (field.kind === "category") colorNames(field);
  else colorNumbers(field);
  rows = rows.filter((row) => row.count > 0);
  paints = swatches.map(css);
  light();
}

function colorNothing() {
  swatches = [data.palette[0]];
  colorOf.fill(0);
  groupOf.fill(0);
  rows = [];
}

function colorNames(field) {
  const named = Math.min(field.values.length, data.palette.length);
  const other = named, unknown = named + 1;
  swatches = [...data.palette.slice(0, named), data.other, data.unknown];
  const tally = new Uint32Array(named + 2);
  for (let i = 0; i < count; i++) {
    const code = field.codes[i];
    const row = code < 0 ? unknown : code < named ? code : other;
    colorOf[i] = groupOf[i] = row;
    tally[row]++;
  }
  rows = field.values.slice(0, named).map((label, k) => ({ group: k, label, swatch: k, count: tally[k] }));
  const rest = field.values.length - named;
  rows.push({ group: other, label: `other (${rest.toLocaleString("en")} more)`, swatch: other, count: tally[other] });
  rows.push({ group: unknown, label: "unknown", swatch: unknown, count: tally[unknown] });
}

function colorNumbers(field) {
  const steps = 64, span = field.high - field.low || 1;
  swatches = Array.from({ length: steps }, (_, k) => scaleColor(k / (steps - 1)));
  swatches.push(data.unknown);
  const whole = field.values.every((v) => v === null || Number.isInteger(v));
  const edges = Array.from({ length: BINS + 1 }, (_, k) => {
    const edge = field.low + (span * k) / BINS;
    return whole ? Math.round(edge) : edge;
  });
  const tally = new Uint32Array(BINS + 1);
  for (let i = 0; i < count; i++) {
    const value = field.values[i];
    if (value === null) {
      colorOf[i] = steps;
      groupOf[i] = BINS;
    } else {
      colorOf[i] = Math.round(Math.min(1, Math.max(0, (value - field.low) / span)) * (steps - 1));
      let bin = 0;
      while (bin < BINS - 1 && value >= edges[bin + 1]) bin++;
      groupOf[i] = bin;
    }
    tally[groupOf[i]]++;
  }
  const show = (v) => (whole ? String(v) : v.toPrecision(3));
  rows = Array.from({ length: BINS }, (_, k) => ({
    group: k,
    label: k === 0 ? `before ${show(edges[1])}` : k === BINS - 1 ? `${show(edges[k])} and after`
      : `${show(edges[k])} – ${show(whole ? edges[k + 1] - 1 : edges[k + 1])}`,
    swatch: Math.round(((k + 0.5) / BINS) * (steps - 1)),
    count: tally[k],
  }));
  if (field.name !== "year_start") {
    rows[0].label = `under ${show(edges[1])}`;
    rows[BINS - 1].label = `${show(edges[BINS - 1])} and over`;
  }
  rows.push({ group: BINS, label: "unknown", swatch: steps, count: tally[BINS] });
}

// Work out who is not faded: those of the chosen groups that match the search.
function light() {
  const peek = state.peek, chosen = state.chosen;
  for (let i = 0; i < count; i++) {
    const inGroup = peek !== null ? groupOf[i] === peek : chosen.size === 0 || chosen.has(groupOf[i]);
    lit[i] = inGroup && (state.matches === null || state.matches.has(i)) ? 1 : 0;
  }
  redraw();
}
