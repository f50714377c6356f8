// The question, as the address has it; its names are the command line's options.
// This module alone writes the address bar.

export const FILTERS = ["artist", "style", "genre", "school", "medium", "institution", "attribution", "tag"];
const LISTS = [...FILTERS, "person", "where", "not", "encoder", "like", "unlike"];
const SIDES = "compare"; // of which there are two: the id of a painting each, or picture:SHA-256
const FLAGS = ["not-same-artist", "include-self", "all-faces", "collapse-copies"];
export const LOOKS = ["whole", "in-photo"]; // how the query picture is looked at, where not by default
const ONES = [
  ...["gallery", "id", "picture", "region", "text", "kind", "face", "rerank", "rerank-weight"],
  ...["year", "title", "min-score", "group-by", "limit"],
];
const VIEW = ["view", "sort", "show", "compare", "mode", "fit", "points"];
export const VIEWS = ["grid", "list", "time", "map", "people", "copies"];
const COMMANDS = { map: "map", people: "people", copies: "copies" }; // of the terminal, for views
export const SORTS = ["date", "artist", "title", "institution"];
export const PAGE = 24;

const listeners = [];
let now = read(location.search);

function read(search) {
  const params = new URLSearchParams(search);
  const state = {};
  for (const name of LISTS) state[name] = params.getAll(name);
  for (const name of [...ONES, ...VIEW, "digest"]) state[name] = params.get(name) ?? "";
  state[SIDES] = params.getAll(SIDES).slice(0, 2);
  for (const name of [...FLAGS, ...LOOKS]) state[name] = params.get(name) === "yes";
  return state;
}

export const get = () => now;

/** The parameters of an address, in one order; those of `names` alone. */
export function params(state = now, names = [...ONES, ...LISTS, ...FLAGS, ...LOOKS, ...VIEW]) {
  const found = new URLSearchParams();
  for (const name of names) {
    if (LISTS.includes(name) || name === SIDES) for (const value of state[name]) found.append(name, value);
    else if (FLAGS.includes(name) || LOOKS.includes(name)) state[name] && found.set(name, "yes");
    else if (state[name]) found.set(name, state[name]);
  }
  return found;
}

export const filterParams = (state = now) =>
  params(state, ["gallery", ...FILTERS, "year", "title", "person", "where", "not"]);

/** What of the state makes the answer; the rest is how it is looked at. */
export const questionKey = (state = now) => params(state, [...ONES, ...LISTS, ...FLAGS, ...LOOKS]).toString();

export function set(changes, { replace = false } = {}) {
  now = { ...now, ...changes, digest: "" };
  const query = params().toString().replaceAll("%3A", ":").replaceAll("%2C", ",");
  history[replace ? "replaceState" : "pushState"](null, "", query ? `?${query}` : location.pathname);
  for (const told of listeners) told(now);
}

export function listen(told) {
  listeners.push(told);
}

addEventListener("popstate", () => {
  now = read(location.search);
  for (const told of listeners) told(now);
});

/** The changes that leave only filters, and the way of looking, of the question. */
export const noQuery = { id: "", picture: "", region: "", text: "", like: [], unlike: [], face: "", limit: "", show: "", compare: [], whole: false, "in-photo": false };

export const hasQuery = (state = now) => Boolean(state.id || state.picture || state.text || state.like.length);

/** What hits are compared with: the picture of the question. */
export const asked = (state = now) => (state.picture ? `picture:${state.picture}` : state.id);

/** Compare two pictures, each the id of a painting or picture:SHA-256. */
export const compare = (first, second) => set({ compare: [first, second], show: "", mode: "", fit: "", points: "" });

// Of an id that ends as if a region followed, "@" says where it ends.
const marked = (text) => (/@[\d.,%]*$/.test(text) ? `${text}@` : text);

/** What a painting is called among examples. */
export const exampleOf = (id) => marked(`id:${id}`);

/** What the one picture of the question is called among examples: id:ID or picture:SHA-256. */
export function asExample(state = now) {
  const name = state.picture ? `picture:${state.picture}` : state.id ? `id:${state.id}` : "";
  return name && state.region ? `${name}@${state.region}` : marked(name);
}

/** An example as the API takes it. */
export function example(text) {
  const [, name, region] = /^(.*)@([\d.,%]*)$/s.exec(text) ?? [null, text, ""];
  const of = name.startsWith("picture:") ? { upload: name.slice(8) } : { id: name.slice(3) };
  return region ? { ...of, region } : of;
}

/** The question as the API takes it. */
export function question(state = now) {
  const query = state.like.length ? { like: state.like.map(example), unlike: state.unlike.map(example) }
    : state.text ? { text: state.text }
    : { ...(state.picture ? { upload: state.picture } : { id: state.id }), ...(state.region ? { region: state.region } : {}) };
  const anyOf = {};
  for (const name of FILTERS) if (state[name].length) anyOf[name === "tag" ? "tags" : name] = state[name];
  const kind = state.kind || "paintings";
  const options = { limit: Number(state.limit) || PAGE };
  if (state.rerank) options.rerank = state.rerank;
  if (state["rerank-weight"]) options.rerank_weight = Number(state["rerank-weight"]);
  if (state["min-score"]) options.min_score = Number(state["min-score"]);
  if (state["group-by"]) options.group_by = state["group-by"];
  for (const name of FLAGS) if (state[name]) options[name.replaceAll("-", "_")] = true;
  const look = LOOKS.find((name) => state[name]);
  if (look) options.look = look;
  return {
    query,
    kind,
    part: kind !== "paintings" && state.face !== "" ? Number(state.face) : null,
    filters: { any_of: anyOf, years: state.year || null, title: state.title || null, where: state.where, where_not: state.not, people: state.person },
    encoders: state.encoder,
    options,
  };
}

const quoted = (text) => (/^[\w@%+=:,./-]+$/.test(text) && !text.startsWith("-") ? text : `'${text.replaceAll("'", "'\\''")}'`);

/** The same question for a terminal; a sent picture is called by the name of its file. */
export function command(name, state = now) {
  const asked = hasQuery(state);
  const other = !asked && COMMANDS[state.view];
  const words = ["artsim", asked ? "query" : other || "list"];
  if (state.picture) words.push(quoted(name || "picture.jpg"));
  const names = asked ? [...ONES, ...LISTS, ...FLAGS, ...LOOKS] : ["gallery", "year", "title", ...(other ? [] : ["limit", "sort"]), ...FILTERS, "person", "where", "not"];
  for (const [key, value] of params(state, names)) {
    if (key === "picture") continue;
    const said = value.startsWith("picture:") ? value.replace(/^picture:[0-9a-f]+/, "picture.jpg") : value;
    if (FLAGS.includes(key) || LOOKS.includes(key)) words.push(`--${key}`);
    else words.push(said.startsWith("-") ? `--${key}=${quoted(said)}` : `--${key} ${quoted(said)}`);
  }
  if (!state.limit && !other) words.push(`--limit ${PAGE}`);
  return words.join(" ");
}

const LETTERS = "artsim-letters";
export const lettersOn = () => localStorage.getItem(LETTERS) !== "off";
export const setLetters = (on) => localStorage.setItem(LETTERS, on ? "on" : "off");
