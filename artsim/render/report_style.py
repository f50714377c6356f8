"""How the page of a report looks, and its one script, which sorts tables."""

from __future__ import annotations

import base64
import hashlib
from typing import Final

from artsim.render.html_parts import TOKENS
from artsim.render.plots_theme import SERIES_DARK, SERIES_LIGHT


def _series(colors: tuple[str, ...]) -> str:
    return " ".join(f"--series-{i + 1}: {color};" for i, color in enumerate(colors))


STYLE: Final = (
    TOKENS
    + f"""
:root {{ {_series(SERIES_LIGHT)} --right: #16705a; --wrong: #a5281c; }}
@media (prefers-color-scheme: dark) {{
  :root {{ {_series(SERIES_DARK)} --right: #57c9a4; --wrong: #f08070; }}
}}
"""
    + """
* { box-sizing: border-box; }
html { scroll-behavior: smooth; -webkit-text-size-adjust: 100%; }
body {
  margin: 0 auto; padding: clamp(1rem, 3.5vw, 3.5rem); max-width: 94rem;
  background: var(--wall); color: var(--ink);
  font: 0.95rem/1.45 system-ui, "Helvetica Neue", "Noto Sans", Arial, sans-serif;
}
h1, h2, h3, .title {
  font-family: "Iowan Old Style", "Source Serif 4", "Noto Serif", Georgia, "Times New Roman", serif;
  font-weight: 400; overflow-wrap: anywhere;
}
h1 { font-size: clamp(1.6rem, 3.2vw, 2.5rem); line-height: 1.2; margin: 0; max-width: 34em; }
h2 { font-size: 1.5rem; line-height: 1.25; margin: 0 0 0.9rem; }
h3 { font-size: 1.15rem; line-height: 1.3; margin: 0 0 0.6rem; }
header { border-bottom: 1px solid var(--line); padding-bottom: 1.2rem; }
header p { margin: 0 0 0.5rem; }
h1 + p { margin: 0.5rem 0 0; }
p, ul { overflow-wrap: anywhere; }
.eyebrow, .muted, .note, nav, dt { color: var(--muted); }
.eyebrow { font-size: 0.8rem; text-transform: uppercase; letter-spacing: 0.08em; }
nav { font-size: 0.88rem; margin-top: 0.9rem; display: flex; flex-wrap: wrap; gap: 0.2rem 1.4rem; }
a { color: inherit; text-decoration-color: var(--muted); text-underline-offset: 0.15em; }
section { margin-top: 3rem; }
.notes { margin: 0.8rem 0 0; padding: 0; list-style: none; max-width: 58rem; font-size: 0.88rem; }
.notes li { margin-top: 0.3rem; color: var(--muted); }
.lead { font-size: 0.95rem; margin-top: 1.4rem; }
.notes sup, th sup { margin-right: 0.35em; font-size: 0.75em; line-height: 0; }
th sup { margin: 0 0 0 0.2em; color: var(--muted); }

.scroll { overflow-x: auto; scrollbar-width: thin; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums lining-nums; }
th, td { padding: 0.42rem 1.5rem 0.42rem 0; text-align: left; vertical-align: top; }
th:last-child, td:last-child { padding-right: 1rem; }
thead th {
  font-weight: 400; font-size: 0.85rem; color: var(--muted); vertical-align: bottom;
  border-bottom: 1px solid var(--ink); white-space: nowrap;
}
tbody th { font-weight: 400; min-width: 7rem; }
tbody th span { display: inline-block; max-width: 24rem; overflow-wrap: break-word; }
tbody tr + tr > * { border-top: 1px solid var(--line); }
.number { text-align: right; white-space: nowrap; }
td.words { min-width: 8rem; max-width: 34rem; overflow-wrap: anywhere; }
.interval {
  display: block; font-size: 0.78rem; font-weight: 400; line-height: 1.3; color: var(--muted);
}
.best { font-weight: 700; }
.cited > *, .none { color: var(--muted); }
.cited > * { font-style: italic; }
thead button {
  all: unset; position: relative; cursor: pointer; border-radius: 2px; white-space: nowrap;
}
thead button:hover { color: var(--ink); }
thead button:focus-visible, .scroll:focus-visible, a:focus-visible {
  outline: 2px solid var(--series-1); outline-offset: 2px;
}
thead button::after {
  content: "\\2195"; position: absolute; left: 100%; padding-left: 0.25em; opacity: 0.35;
}
thead [aria-sort="ascending"] button::after { content: "\\2191"; opacity: 1; }
thead [aria-sort="descending"] button::after { content: "\\2193"; opacity: 1; }
html:not(.scripted) thead button { cursor: auto; }
html:not(.scripted) thead button::after { content: none; }

.plots { display: grid; gap: 3rem 3.5rem; grid-template-columns: minmax(0, 48rem); }
.plots figure { margin: 0; min-width: 0; }
.plots svg { display: block; width: 100%; height: auto; min-width: 30rem; }
.plots svg text { font-family: system-ui, "Helvetica Neue", "Noto Sans", Arial, sans-serif; }
.plots .note { margin: 0.6rem 0 0; font-size: 0.88rem; max-width: 44rem; }

.failure { padding: 1.3rem 0; border-top: 1px solid var(--line); }
.failure .note { margin: 0 0 0.7rem; font-size: 0.88rem; }
.strip { display: flex; flex-wrap: wrap; gap: 1.4rem 1.1rem; align-items: flex-start; }
.strip > .query { padding-right: 1.1rem; border-right: 1px solid var(--line); }
.hits {
  display: flex; flex-wrap: wrap; gap: 1.4rem 1.1rem; list-style: none; margin: 0; padding: 0;
  flex: 1 1 18rem;
}
.picture { margin: 0; width: min-content; }
.frame { height: 8.2rem; display: flex; align-items: flex-end; }
.mount { position: relative; }
.mount img {
  display: block; width: 100%; height: 100%; outline: 1px solid var(--line); outline-offset: -1px;
}
.missing {
  height: 100%; display: grid; place-items: center; padding: 0.6rem; text-align: center;
  background: var(--blank); border: 1px solid var(--line); color: var(--muted);
  font-size: 0.75rem; line-height: 1.3; overflow-wrap: anywhere; overflow: hidden;
}
.picture figcaption {
  margin-top: 0.5rem; min-width: 8rem; font-size: 0.82rem; line-height: 1.35;
}
.picture figcaption > * { display: block; }
.title, .detail {
  overflow: hidden; overflow-wrap: anywhere; display: -webkit-box !important;
  -webkit-box-orient: vertical; -webkit-line-clamp: 3;
}
.title { font-size: 0.98rem; line-height: 1.25; }
.detail, .line { color: var(--muted); }
.line { font-variant-numeric: tabular-nums; overflow-wrap: anywhere; }
.right, .wrong { font-weight: 600; }
.right { color: var(--right); }
.wrong { color: var(--wrong); }
.face {
  position: absolute; border: 2px solid var(--accent);
  box-shadow: 0 0 0 1px #211f1c, inset 0 0 0 1px #211f1c;
}
.crops { display: flex !important; gap: 0.4rem; margin-top: 0.4rem; }
.crop { width: 5.2rem; height: 5.2rem; }
.crop img { width: 100%; height: 100%; display: block; border: 2px solid var(--accent); }

.facts { display: grid; gap: 2rem 4rem; grid-template-columns: minmax(0, 1fr); }
dl { display: grid; grid-template-columns: minmax(6rem, max-content) minmax(0, 1fr); margin: 0;
  gap: 0.3rem 1.4rem; font-size: 0.88rem; align-content: start; }
dd { margin: 0; overflow-wrap: anywhere; font-variant-numeric: tabular-nums; }
@media (min-width: 56rem) { .facts { grid-template-columns: minmax(0, 3fr) minmax(0, 2fr); } }
@media (min-width: 88rem) { .plots { grid-template-columns: repeat(2, minmax(0, 1fr)); } }
@media (max-width: 36rem) {
  .strip > .query { width: 100%; padding: 0 0 1rem; border-right: 0;
    border-bottom: 1px solid var(--line); }
  th, td { padding-right: 1.3rem; }
  tbody th span { max-width: 8.5rem; }
  .scroll thead th:first-child, .scroll tbody th { position: sticky; left: 0;
    background: var(--wall); }
}
@media print {
  :root { --wall: #fff; --ink: #000; --muted: #555; --line: #ccc; --blank: #f3f3f3; }
  html { font-size: 8.5pt; }
  body { padding: 0; max-width: none; print-color-adjust: exact; }
  nav, thead button::after { display: none; }
  section { margin-top: 1cm; }
  .scroll { overflow: visible; }
  th, td { padding-right: 0.8em; }
  .plots { grid-template-columns: minmax(0, 15cm); }
  .plots svg { min-width: 0; }
  .plots figure, .failure, tr { break-inside: avoid; }
  h2, h3 { break-after: avoid; }
  .frame { height: 3cm; }
}
"""
)

SCRIPT: Final = """
document.documentElement.classList.add("scripted");
for (const table of document.querySelectorAll("table")) {
  const body = table.tBodies[0], first = [...body.rows];
  table.tHead.addEventListener("click", (event) => {
    const head = event.target.closest("th");
    if (!head || !event.target.closest("button")) return;
    const old = head.getAttribute("aria-sort"), numeric = head.classList.contains("number");
    const start = numeric ? "descending" : "ascending";
    const next = { [start]: numeric ? "ascending" : "descending" };
    const order = old === null ? start : next[old];
    for (const other of table.tHead.rows[0].cells) other.removeAttribute("aria-sort");
    const sign = order === "descending" ? -1 : 1, at = head.cellIndex;
    const rows = [...first];
    if (order !== undefined) {
      head.setAttribute("aria-sort", order);
      const value = (row) => row.cells[at].dataset.sort ?? row.cells[at].textContent;
      rows.sort((a, b) => {
        const [x, y] = [value(a), value(b)];
        if (!numeric) return sign * x.localeCompare(y);
        if (x === "" || y === "") return (x === "") - (y === "");
        return sign * (x - y);
      });
    }
    body.append(...rows);
  });
}
"""
"""A click on a heading sorts by it, a second one the other way, a third one as it was."""


def content_policy() -> str:
    """Return what the page may do: show what is in it, and run this script and no other."""
    digest = base64.b64encode(hashlib.sha256(SCRIPT.encode()).digest()).decode()
    return (
        "default-src 'none'; img-src data:; style-src 'unsafe-inline'; "
        f"script-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    )
