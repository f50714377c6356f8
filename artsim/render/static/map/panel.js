// The panel beside the map: search, legend, the selected picture. Metadata enters the page
// as text only.

function make(tag, className, text) {
  const made = document.createElement(tag);
  if (className) made.className = className;
  if (text !== undefined) made.textContent = text;
  return made;
}

function word(className, text) {
  const made = make("span", className);
  const inner = make("bdi", "", text);
  made.append(inner);
  return made;
}

function caption(i) {
  return [data.name[i], data.artist[i], data.date[i]].filter(Boolean).join(", ");
}

function fillWords(target, i) {
  target.append(word("title", data.name[i]));
  if (data.artist[i]) target.append(word("detail", data.artist[i]));
  if (data.date[i]) target.append(word("detail", data.date[i]));
  const field = data.fields[state.field];
  if (!field) return;
  const value = field.kind === "category" ? field.values[field.codes[i]] : field.values[i];
  if (value === undefined || value === null || field.name === "artist" || field.name === "year_start") return;
  target.append(word("detail", `${field.label}: ${value}`));
}

function select(i, options = {}) {
  state.selected = i;
  const card = $("card");
  card.replaceChildren();
  card.hidden = i < 0;
  hideTip();
  redraw(true);
  if (i < 0) return;
  unfold();
  fillCard(card, i);
  $("panel").scrollTo({ top: options.keepScroll ? $("panel").scrollTop : card.offsetTop - $("panel").offsetTop - 12 });
  $("said").textContent = `Selected: ${caption(i)}`;
  if (options.move && (options.move === "always" || !isOnScreen(i))) centerOn(i, options.zoom || 1);
}

const TOLD = ["style", "genre", "school", "medium", "institution"];

function fillCard(card, i) {
  const close = make("button", "close", "×");
  close.type = "button";
  close.setAttribute("aria-label", "Let go of the picture");
  close.addEventListener("click", () => { select(-1); canvas.focus({ preventScroll: true }); });
  const picture = make("canvas");
  picture.setAttribute("role", "img");
  picture.setAttribute("aria-label", caption(i));
  showPicture(picture, i, 240, false);
  const head = make("div", "head"), words = make("div", "words");
  fillFacts(words, i);
  const shown = opening(picture, pictureOf(i));
  if (shown !== picture) shown.title = "Open the picture";
  head.append(shown, words);
  card.append(close, head);
  const near = nearestOf(i);
  if (near.length) card.append(make("span", "over", "nearest by the encoder"), nearList(near));
}

function pictureOf(i) {
  const rest = data.pictures.rest[i];
  return rest === null ? "" : data.pictures.base + rest;
}

function opening(inner, address) {
  if (!address) return inner;
  const anchor = make("a");
  anchor.href = address;
  anchor.rel = "noopener noreferrer";
  anchor.target = "_blank";
  anchor.append(inner);
  return anchor;
}

function copying(id) {
  const line = make("span", "copying"), text = word("id", id), button = make("button", "copy", "copy");
  button.type = "button";
  button.setAttribute("aria-label", "Copy the id");
  button.addEventListener("click", () => {
    // Selected too, for browsers that keep the clipboard from pages that are files.
    getSelection().selectAllChildren(text);
    const copied = () => { button.textContent = "copied"; };
    if (document.execCommand("copy")) copied();
    else if (navigator.clipboard) navigator.clipboard.writeText(id).then(copied, () => {});
  });
  line.append(text, " ", button);
  return line;
}

function fillFacts(words, i) {
  const title = make("h2");
  title.dir = "auto";
  title.append(opening(make("bdi", "", data.name[i]), data.link[i]));
  words.append(title);
  for (const text of [data.artist[i], data.date[i]]) if (text) words.append(word("detail", text));
  for (const [k, field] of data.fields.entries()) {
    if (!TOLD.includes(field.name) && (k !== state.field || ["artist", "year_start"].includes(field.name))) continue;
    const value = field.kind === "category" ? field.values[field.codes[i]] : field.values[i];
    if (value !== undefined && value !== null) words.append(word("detail", `${field.label}: ${value}`));
  }
  words.append(copying(data.id[i]));
}

function nearList(near) {
  const list = make("ol", "near");
  for (const [j, score, meaning] of near) {
    const row = make("li"), button = make("button");
    button.type = "button";
    const said = [`cosine ${score.toFixed(2)}`, meaning].filter(Boolean).join(", ");
    button.title = `${caption(j)}\n${said}`;
    button.setAttribute("aria-label", `${caption(j)}; ${said}`);
    if (sheetOf[j] >= 0) {
      const picture = make("canvas");
      showPicture(picture, j, 64, true);
      button.append(picture);
    } else button.append(word("detail", data.name[j]));
    button.append(make("small", "", score.toFixed(2)));
    if (meaning) button.append(make("small", "", meaning));
    button.addEventListener("click", () => { select(j, { move: "offscreen" }); focusCard(); });
    button.addEventListener("pointerenter", () => { state.hover = j; redraw(true); });
    button.addEventListener("pointerleave", () => { state.hover = -1; redraw(true); });
    row.append(button);
    list.append(row);
  }
  return list;
}

function focusCard() {
  const first = $("card").querySelector(".close");
  if (first) first.focus({ preventScroll: true });
}

function fillLegend() {
  const list = $("legend");
  list.replaceChildren();
  for (const row of rows) {
    const item = make("li"), button = make("button");
    button.type = "button";
    button.setAttribute("aria-pressed", "false");
    const dot = make("i");
    dot.style.background = css(swatches[row.swatch]);
    button.append(dot, word("", row.label), make("b", "", row.count.toLocaleString("en")));
    button.title = row.label;
    button.addEventListener("click", () => {
      if (!state.chosen.delete(row.group)) state.chosen.add(row.group);
      state.peek = null;
      markLegend();
      light();
    });
    button.addEventListener("pointerenter", (event) => {
      if (event.pointerType !== "mouse") return;
      state.peek = row.group;
      light();
    });
    button.addEventListener("pointerleave", () => { if (state.peek !== null) { state.peek = null; light(); } });
    button.dataset.group = row.group;
    item.append(button);
    list.append(item);
  }
  markLegend();
}

function markLegend() {
  $("legend").classList.toggle("chosen", state.chosen.size > 0);
  $("all").hidden = state.chosen.size === 0;
  for (const button of $("legend").querySelectorAll("button")) {
    button.setAttribute("aria-pressed", String(state.chosen.has(Number(button.dataset.group))));
  }
}

const MOST_LISTED = 40;
let order = [];

function search() {
  const words = fold($("words").value).split(/\s+/).filter(Boolean);
  state.match = -1;
  order = [];
  if (words.length) {
    for (let i = 0; i < count; i++) {
      const text = searchable(i);
      if (words.every((part) => text.includes(part))) order.push(i);
    }
  }
  state.matches = words.length ? new Set(order) : null;
  fillMatches();
  light();
}

function fillMatches() {
  const list = $("matches");
  list.replaceChildren();
  sayFound();
  for (const [k, i] of order.slice(0, MOST_LISTED).entries()) {
    const item = make("li"), button = make("button"), line = make("span");
    button.type = "button";
    line.append(make("bdi", "", data.name[i]));
    if (data.artist[i]) line.append(" ", make("small", "", data.artist[i]));
    button.append(line);
    button.addEventListener("click", () => toMatch(k));
    item.append(button);
    list.append(item);
  }
}

function sayFound() {
  const many = order.length.toLocaleString("en");
  $("found").textContent = state.matches === null ? ""
    : order.length === 0 ? "nothing found"
    : state.match >= 0 ? `${state.match + 1} of ${many}`
    : `${many} found; Enter goes through them`;
}

function toMatch(k) {
  if (!order.length) return;
  state.match = (k + order.length) % order.length;
  sayFound();
  const buttons = $("matches").querySelectorAll("button");
  buttons.forEach((button, j) => button.setAttribute("aria-current", String(j === state.match)));
  if (buttons[state.match]) buttons[state.match].scrollIntoView({ block: "nearest" });
  select(order[state.match], { move: "always", zoom: Math.min(12, Math.sqrt(count) / 8), keepScroll: true });
}

function unfold() {
  $("panel").parentElement.classList.remove("folded");
  $("fold").setAttribute("aria-expanded", "true");
  $("fold").textContent = "less";
}

const tip = $("tip");
function showTip(i, px, py) {
  const words = tip.querySelector(".words");
  if (tip.dataset.point !== String(i) || tip.hidden) {
    tip.dataset.point = i;
    words.replaceChildren();
    fillWords(words, i);
    showPicture(tip.querySelector("canvas"), i, 208, false);
  }
  tip.hidden = false;
  const box = tip.getBoundingClientRect();
  const left = px + 18 + box.width > view.width ? px - 18 - box.width : px + 18;
  const top = Math.min(view.height - box.height - 8, Math.max(8, py - box.height / 3));
  tip.style.transform = `translate(${Math.max(4, left)}px, ${top}px)`;
}

function hideTip() {
  tip.hidden = true;
}
