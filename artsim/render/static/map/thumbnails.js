// Thumbnails: sheets of 64, decoded when they come into view and forgotten when memory is
// short; a small copy of each stays, for views of thousands.

const sheets = [];
const sheetOf = new Int32Array(count).fill(-1);
const CELLS = 8;
const SMALL = 32; // pixels of a small copy's cell
const SHEETS_A_SIDE = 8; // of a canvas of small copies
const side = data.thumbnails ? data.thumbnails.side : 0;
const sizes = data.thumbnails ? unpack(data.thumbnails.sizes, Uint16Array) : new Uint16Array(2 * count);
const MEMORY = 160e6;
const smallCopies = [];
let clock = 0;
let decoding = 0;
let memory = 0;

if (data.thumbnails) {
  const known = new Map();
  data.thumbnails.sheets.forEach(([column, row], k) => {
    known.set(row * 65536 + column, k);
    sheets.push({ bitmap: null, wanted: 0, votes: 0, small: false, busy: false, failed: false });
  });
  for (let i = 0; i < count; i++) {
    if (!sizes[2 * i]) continue;
    const key = Math.floor(cellRow[i] / CELLS) * 65536 + Math.floor(cellColumn[i] / CELLS);
    sheetOf[i] = known.has(key) ? known.get(key) : -1;
  }
}

async function decode(k) {
  const sheet = sheets[k];
  if (sheet.bitmap) return sheet.bitmap;
  if (sheet.busy) return sheet.busy;
  decoding++;
  sheet.busy = (async () => {
    try {
      const bytes = unpack($(`sheet-${k}`).textContent, Uint8Array);
      const bitmap = await createImageBitmap(new Blob([bytes], { type: "image/webp" }));
      sheet.bitmap = bitmap;
      memory += 4 * bitmap.width * bitmap.height;
      keepSmall(k, bitmap);
      forget(k);
      return bitmap;
    } catch {
      sheet.failed = true;
      return null;
    } finally {
      decoding--;
      sheet.busy = false;
      if (sheet.wanted >= clock - 1) redraw(true);
      else setTimeout(decodeMore);
    }
  })();
  return sheet.busy;
}

function keepSmall(k, bitmap) {
  if (sheets[k].small) return;
  const a = SHEETS_A_SIDE * SHEETS_A_SIDE;
  const page = Math.floor(k / a);
  if (!smallCopies[page]) {
    const copy = document.createElement("canvas");
    const left = Math.min(a, sheets.length - page * a);
    copy.width = Math.min(left, SHEETS_A_SIDE) * CELLS * SMALL;
    copy.height = Math.ceil(left / SHEETS_A_SIDE) * CELLS * SMALL;
    smallCopies[page] = copy;
  }
  const context = smallCopies[page].getContext("2d");
  context.imageSmoothingQuality = "high";
  const [x, y] = smallCorner(k), shrink = SMALL / side;
  context.drawImage(bitmap, x, y, bitmap.width * shrink, bitmap.height * shrink);
  sheets[k].small = true;
}

function smallCorner(k) {
  const at = k % (SHEETS_A_SIDE * SHEETS_A_SIDE);
  return [(at % SHEETS_A_SIDE) * CELLS * SMALL, Math.floor(at / SHEETS_A_SIDE) * CELLS * SMALL];
}

function forget(kept) {
  if (memory <= MEMORY) return;
  const idle = sheets.filter((sheet, k) => sheet.bitmap && k !== kept && sheet.wanted < clock);
  idle.sort((a, b) => a.wanted - b.wanted);
  for (const sheet of idle) {
    if (memory <= MEMORY) break;
    memory -= 4 * sheet.bitmap.width * sheet.bitmap.height;
    sheet.bitmap.close();
    sheet.bitmap = null;
  }
}

// Decode what the last frame lacked most, two sheets at a time; then the rest, once, for
// their small copies.
function decodeMore() {
  while (decoding < 2) {
    let best = -1, most = -1;
    for (let k = 0; k < sheets.length; k++) {
      const sheet = sheets[k];
      if (sheet.busy || sheet.failed || sheet.bitmap) continue;
      const need = sheet.wanted === clock ? sheet.votes : sheet.small ? -1 : 0;
      if (need > most) {
        best = k;
        most = need;
      }
    }
    if (best < 0) return;
    decode(best);
  }
}

function want(sheet) {
  if (sheet.wanted !== clock) sheet.votes = 0;
  sheet.wanted = clock;
  sheet.votes++;
}

const isLarge = (pixels) => pixels > SMALL * 1.15;

// Whether a point's picture can be drawn now; if not, or not sharply, it is asked for.
function hasPicture(i, pixels) {
  const sheet = sheets[sheetOf[i]];
  if (!sheet) return false;
  if (isLarge(pixels) || !sheet.small) want(sheet);
  return sheet.small;
}

// Draw the picture of a point, which has one, in a square around (x, y).
function drawPicture(context, i, x, y, size, ratio) {
  const k = sheetOf[i], sheet = sheets[k];
  const w = sizes[2 * i], h = sizes[2 * i + 1];
  const shrink = size / Math.max(w, h);
  const left = x - (w * shrink) / 2, top = y - (h * shrink) / 2;
  const column = cellColumn[i] % CELLS, row = cellRow[i] % CELLS;
  if (isLarge(size * ratio) && sheet.bitmap) {
    context.drawImage(sheet.bitmap, column * side, row * side, w, h, left, top, w * shrink, h * shrink);
    return;
  }
  const [cx, cy] = smallCorner(k), f = SMALL / side;
  context.drawImage(
    smallCopies[Math.floor(k / (SHEETS_A_SIDE * SHEETS_A_SIDE))],
    cx + column * SMALL, cy + row * SMALL, Math.max(1, w * f), Math.max(1, h * f),
    left, top, w * shrink, h * shrink,
  );
}

// Put a point's picture on a canvas of its own, in the panel or the tip.
async function showPicture(target, i, size, square) {
  const k = sheetOf[i];
  target.hidden = k < 0 && !square;
  target.dataset.point = i;
  if (k < 0) return;
  const ratio = Math.min(2, devicePixelRatio || 1);
  const w = sizes[2 * i], h = sizes[2 * i + 1];
  const shrink = Math.min(size / Math.max(w, h), 2);
  const wide = square ? size : w * shrink, high = square ? size : h * shrink;
  target.width = Math.max(1, Math.round(wide * ratio));
  target.height = Math.max(1, Math.round(high * ratio));
  if (!square) target.style.width = `${wide}px`;
  const bitmap = await decode(k);
  if (!bitmap || target.dataset.point !== String(i)) return;
  sheets[k].wanted = clock;
  const context = target.getContext("2d");
  context.imageSmoothingQuality = "high";
  const column = cellColumn[i] % CELLS, row = cellRow[i] % CELLS;
  const dw = w * shrink * ratio, dh = h * shrink * ratio;
  context.drawImage(
    bitmap, column * side, row * side, w, h,
    (target.width - dw) / 2, (target.height - dh) / 2, dw, dh,
  );
}
