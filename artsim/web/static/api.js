// Asking the server; what it refuses is an Error with its own sentence.

import { t } from "./dom.js";

export class Refusal extends Error {
  constructor(problem) {
    super(problem.detail || problem.title || t("error_title"));
    this.status = problem.status;
    this.kind = problem.title;
  }
}

export async function call(path, options = {}) {
  let response;
  try {
    response = await fetch(path, options);
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Refusal({ detail: t("error_offline"), status: 0 });
  }
  if (response.ok) return response.status === 204 ? null : response.json();
  const problem = await response.json().catch(() => ({ status: response.status }));
  throw new Refusal(problem);
}

export const ask = (path, body, signal) =>
  call(path, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(body),
    signal,
  });

export const remove = (path) => call(path, { method: "DELETE" });

/** What is computed of a whole gallery, as soon as it is; `told` how far it is. */
export async function survey(path, signal, told) {
  for (;;) {
    const found = await call(path, { signal });
    if (found.stage === undefined) return found;
    told(found);
    await new Promise((resolve) => setTimeout(resolve, 700));
    signal.throwIfAborted();
  }
}

export function send(file) {
  const form = new FormData();
  form.append("picture", file, file.name || "picture");
  return call("/api/v1/uploads", { method: "POST", body: form });
}

/** The record of a painting; of a plain "../" in its id a browser would go up. */
export const painting = (id, gallery) =>
  call(`/api/v1/paintings/${encodeURIComponent(id)}${gallery ? `?gallery=${encodeURIComponent(gallery)}` : ""}`);

export const thumbnail = (hit, side = 480) =>
  `/api/v1/thumbnails/${hit.picture_id}?side=${side}&v=${(hit.payload?.image_sha256 ?? hit.image_sha256 ?? "").slice(0, 16)}`;

export const whole = (pictureId, side) => `/iiif/3/${pictureId}/full/!${side},${side}/0/default.webp`;

/** The film that a frame is of, at its part. */
export const film = (frame) => `/api/v1/films/${frame.picture_id}#t=${frame.time_start},${frame.time_end}`;

/** A region, in pixels or percent, as it is. */
export const part = (pictureId, region, side) =>
  `/iiif/3/${pictureId}/${region.includes("%") ? `pct:${region.replaceAll("%", "")}` : region}/!${side},${side}/0/default.webp`;

/** A box with some more on all sides, as a square where there is room: left, top and side. */
function around([x, y, w, h], width, height) {
  const across = Math.min(Math.max(w, h) * 1.6, width, height);
  const left = Math.min(Math.max(0, x + w / 2 - across / 2), width - across);
  const top = Math.min(Math.max(0, y + h / 2 - across / 2), height - across);
  return [left, top, across].map(Math.round);
}

/** The address of such a square of a painting's picture. */
export function crop(pictureId, box, width, height, side = 320) {
  const [left, top, across] = around(box, width, height);
  return `/iiif/3/${pictureId}/${left},${top},${across},${across}/!${side},${side}/0/default.webp`;
}

/** The style by which a picture that is loaded as a whole shows such a square alone. */
export function cropStyle(source, box, width, height) {
  const [left, top, across] = around(box, width, height);
  const share = (from, of) => `${(100 * from) / Math.max(1, of - across)}%`;
  return {
    "background-image": `url("${source}")`, "background-size": `${(100 * width) / across}% ${(100 * height) / across}%`,
    "background-position": `${share(left, width)} ${share(top, height)}`,
  };
}
