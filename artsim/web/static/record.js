// All about one painting: its picture with the faces in it, its metadata, its rights.

import { crop, film, painting, whole } from "./api.js";
import { h, has, openDialog, t } from "./dom.js";
import { date } from "./grid.js";
import * as keep from "./keep.js";
import * as state from "./state.js";

const ORDER = [
  ...["artist", "attribution", "date_text", "style", "genre", "school", "medium", "size", "institution"],
  ...["rights", "source", "tags", "painting_id", "image_uri", "image_size", "ingested_from", "vectors"],
];
const HIDDEN = new Set([
  ...["title", "artist_key", "year_start", "year_end", "width_cm", "height_cm", "source_url", "image_sha256"],
  ...["image_width", "image_height", "face_count", "face_detector", "face_encoders", "extra", "point_id"],
  ...["picture_id", "faces", "details", ...ORDER],
]);

function value(record, field) {
  if (field === "size") {
    const [width, height] = [record.width_cm, record.height_cm];
    return width && height ? t("centimetres", { width, height }) : "";
  }
  if (field === "image_size") return record.image_width ? t("pixels", { width: record.image_width, height: record.image_height }) : "";
  const found = field === "date_text" ? date(record) : record[field];
  return Array.isArray(found) ? found.join(", ") : found ?? "";
}

const isLink = (text) => typeof text === "string" && /^https?:\/\/\S+$/.test(text);

function said(text) {
  const words = typeof text === "object" ? JSON.stringify(text) : String(text);
  return isLink(words) ? h("a", { href: words, rel: "noopener noreferrer", target: "_blank" }, words) : words;
}

function facts(record) {
  const rows = [
    ...ORDER.map((field) => [t(`field_${field}`), value(record, field)]),
    ...Object.keys(record).filter((field) => !HIDDEN.has(field)).map((field) => [has(`field_${field}`) ? t(`field_${field}`) : field, record[field]]),
    ...Object.entries(record.extra ?? {}),
  ];
  return h("dl", {}, rows.filter(([, found]) => found !== "" && found !== null).map(([name, found]) =>
    [h("dt", { dir: "auto" }, name), h("dd", { dir: "auto" }, said(found))]));
}

/** The faces, each by itself: who it is, where a person said so, and who else has it. */
function faces(record, searchLike, close) {
  const sure = record.faces.filter((face) => face.face_size >= 20 && face.detection_score >= 0.5);
  if (!sure.length) return "";
  const [width, height] = [record.image_width, record.image_height];
  return h("section", { className: "faces" }, h("h3", {}, t("record_faces")),
    h("ul", {}, sure.map((face) => {
      const name = face.name ?? t("face_n", { n: face.face_index });
      return h("li", {},
        h("img", { src: crop(record.picture_id, face.box, width, height, 192), alt: "", loading: "lazy", width: 80, height: 80 }),
        h("div", {}, h("p", { dir: "auto" }, name),
          h("button", { type: "button", className: "link", "aria-label": `${t("who_else")}: ${name}`, onclick: () => { close(); searchLike(record.painting_id, { kind: "faces", face: String(face.face_index) }); } }, t("who_else")),
          face.name ? h("button", { type: "button", className: "link", "aria-label": `${t("works_of_person")}: ${name}`, onclick: () => { close(); state.set({ ...state.noQuery, kind: "", person: [face.name] }); } }, t("works_of_person")) : ""));
    })));
}

let dialog = null;

/** Open the record that the address names, or close it. */
export async function show(actions, fail) {
  const { show: id, gallery } = state.get();
  if (!id) return dialog?.close();
  if (dialog?.dataset.id === id) return undefined;
  dialog?.close();
  let record;
  try {
    record = await painting(id, gallery);
  } catch (error) {
    fail(error);
    return state.set({ show: "" }, { replace: true });
  }
  if (state.get().show !== id) return undefined;
  const title = record.title ?? t("no_title");
  const close = () => dialog?.close();
  const picture = h("img", { src: whole(record.picture_id, 1280), alt: [title, record.artist].filter(Boolean).join(", "), width: record.image_width, height: record.image_height });
  picture.addEventListener("error", () => picture.replaceWith(h("p", { className: "missing" }, t("no_picture"))));
  const hit = { painting_id: id, picture_id: record.picture_id, payload: record };
  dialog = openDialog("record", title, h("div", { className: "body" },
    h("div", { className: "picture" }, picture),
    h("div", { className: "facts" },
      h("p", { className: "acts" }, actions.list(hit).map(([text, act]) =>
        h("button", { type: "button", className: "main", onclick: () => { close(); act(); } }, text)), keep.button(hit, ""),
        isLink(record.source_url) ? h("a", { href: record.source_url, rel: "noopener noreferrer", target: "_blank" }, t("record_source")) : "",
        record.video_uri ? h("a", { href: film(record), target: "_blank" }, t("record_film")) : "",
        h("a", { href: `/iiif/3/${record.picture_id}/info.json`, target: "_blank" }, "IIIF")),
      facts(record), faces(record, actions.searchLike, close))),
  () => {
    dialog = null;
    if (state.get().show === id) state.set({ show: "" });
  });
  dialog.dataset.id = id;
  return dialog;
}
