// The map's data, unpacked from the page.

const $ = (id) => document.getElementById(id);
const data = JSON.parse($("data").textContent);
const count = data.id.length;

function unpack(text, Kind) {
  const binary = atob(text);
  const bytes = new Uint8Array(binary.length);
  for (let i = 0; i < binary.length; i++) bytes[i] = binary.charCodeAt(i);
  return new Kind(bytes.buffer);
}

// Two arrangements of the same points, each in a world whose longer side is 1.
const layouts = { map: { x: null, y: null }, grid: { x: null, y: null } };
{
  const x = unpack(data.x, Uint16Array), y = unpack(data.y, Uint16Array);
  layouts.map.x = Float32Array.from(x, (v) => v / 65535);
  layouts.map.y = Float32Array.from(y, (v) => v / 65535);
}
const cellColumn = unpack(data.column, Uint16Array);
const cellRow = unpack(data.row, Uint16Array);
const cellWorld = 1 / Math.max(data.columns, data.rows);
layouts.grid.x = Float32Array.from(cellColumn, (v) => (v + 0.5) * cellWorld);
layouts.grid.y = Float32Array.from(cellRow, (v) => (v + 0.5) * cellWorld);

const neighbors = unpack(data.neighbors, Int32Array);
const scores = unpack(data.scores, Int16Array);
const percentiles = data.meaning && unpack(data.meaning.percentiles, Uint32Array);
const perPoint = count ? neighbors.length / count : 0;
for (const field of data.fields) {
  if (field.kind === "category") field.codes = unpack(field.codes, Int16Array);
}

const LETTERS = { "ø": "o", "ł": "l", "đ": "d", "ð": "d", "ħ": "h", "ı": "i", "þ": "th", "æ": "ae", "œ": "oe", "ß": "ss" };

function fold(text) {
  const bare = text.normalize("NFKD").toLowerCase().replace(/[\u0300-\u036f]/g, "");
  return bare.replace(/[øłđðħıþæœß]/g, (letter) => LETTERS[letter]);
}

let folded = null;
function searchable(i) {
  if (folded === null) folded = data.id.map((id, j) => fold(`${data.name[j]} \n${data.artist[j]} \n${id}`));
  return folded[i];
}

const calm = matchMedia("(prefers-reduced-motion: reduce)");
