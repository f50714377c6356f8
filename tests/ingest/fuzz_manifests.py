"""Reads random lists until one does what no list may; a process of its own.

``python fuzz_manifests.py FOLDER SEED COUNT`` prints a line for each list that made reading raise
anything but an ArtsimError, or gave a painting that no gallery can hold, and how much memory
all of them took at most. A list that takes a minute ends the process with a traceback.
"""

from __future__ import annotations

import csv
import faulthandler
import io
import json
import random
import resource
import string
import sys
import traceback
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import openpyxl
import pyarrow as pa
import pyarrow.parquet as pq

from artsim.catalog.payload import MAX_DEPTH, why_unstorable
from artsim.errors import ArtsimError
from artsim.ingest.records import Problem
from artsim.ingest.sources import read_source

PATIENCE_S = 60

NAMES = [
    "file", "image", "id", "title", "artist", "attribution", "date", "year_start", "year_end",
    "width_cm", "Maße", "school", "tags", "url", "extra", "a.b", "", "x" * 999, "\u202e", "'\";\t",
]  # fmt: skip
TEXTS = [
    "a.jpg", "b.jpg", "A.JPG", "sub/c.jpg", "c", "1642", "um 1640/45", "Workshop of Rubens", "",
    " ", "-", "0", "-1", "9" * 400, "1e999", "nan", "../a.jpg", "/etc/passwd", "C:\\a.jpg",
    "\\\\host\\x", "~/a.jpg", ".", "..", "/", "data:,", "https://[", "http://h/%00%ff%2e%2e/a.jpg",
    "https://h/a.jpg?b#c", "x" * 300 + ".jpg", "y/" * 3000, "a" * 100_000, "\0", "\x1b]0;x\x07",
    "\u202ea\u200b", "e" + "\u0301" * 500, "\U0010ffff", "\ufeff", "=1+1", "_x000D_", "a;b|c",
    '"', "'", "\r", "\n", "62,2 x 34,8 cm", "10000000000-99999999999", "2. Jh. v. Chr.", "١٦٤٢",
]  # fmt: skip


def nested(rng: random.Random, depth: int) -> Any:
    value: Any = 1
    for _ in range(depth):
        value = [value] if rng.random() < 0.5 else {rng.choice(["a", "", "file"]): value}
    return value


def value(rng: random.Random) -> Any:
    """A value that JSON can have."""
    makers: list[Callable[[], Any]] = [
        lambda: rng.choice(TEXTS),
        lambda: rng.choice(TEXTS),
        lambda: "".join(rng.choices(string.printable, k=rng.randrange(20))),
        lambda: "".join(chr(rng.randrange(0x11000)) for _ in range(rng.randrange(9))),
        lambda: rng.choice([0, 1642, -1, 2**63, 2**64, -(2**63) - 1, 10**400]),
        lambda: rng.choice([0.0, 1e308, 12.0, -0.5, float("nan"), float("inf")]),
        lambda: rng.choice([None, True, False, [], {}, [None], {"a": None}, [[1, "x"], {"b": 2}]]),
        lambda: nested(rng, rng.choice([2, MAX_DEPTH - 1, MAX_DEPTH, MAX_DEPTH + 1, 400, 900])),
        lambda: {"title": rng.choice(TEXTS), "period": [rng.choice(TEXTS)]},
    ]
    return rng.choice(makers)()


def table(rng: random.Random) -> tuple[list[str], list[list[Any]]]:
    names = rng.sample(NAMES, rng.randint(1, 6))
    if rng.random() < 0.9:
        names[rng.randrange(len(names))] = rng.choice(["file", "image", "id"])
    rows = [[value(rng) for _ in names] for _ in range(rng.randint(0, 8))]
    return names, [[rng.choice(TEXTS[:6]), *row[1:]] if rng.random() < 0.5 else row for row in rows]


def as_csv(rng: random.Random) -> bytes:
    names, rows = table(rng)
    text = io.StringIO()
    writer = csv.writer(text, delimiter=rng.choice(",;\t"), quoting=rng.choice([0, 0, 1]))
    writer.writerow(names)
    for row in rows:
        writer.writerow([str(cell)[:200_000] for cell in row])
    encoding = rng.choice(["utf-8", "utf-8-sig", "cp1252", "utf-16", "utf-16-le", "utf-16-be"])
    return text.getvalue().encode(encoding, "replace")


def as_json(rng: random.Random) -> bytes:
    names, rows = table(rng)
    objects = [dict(zip(names, row, strict=True)) for row in rows]
    lines = [json.dumps(one, ensure_ascii=rng.random() < 0.5) for one in objects]
    lines += rng.sample(["", "[1]", "{", '{"file": "\\ud800"}', "[" * 3000, "1" * 5000], 2)
    rng.shuffle(lines)
    return "\n".join(lines).encode("utf-8", "surrogatepass")


def arrow_column(rng: random.Random, length: int) -> pa.Array:
    kinds = [
        pa.timestamp("ns"), pa.timestamp("us"), pa.timestamp("s", "Europe/Berlin"), pa.date32(),
        pa.time64("ns"), pa.time32("s"), pa.duration("ns"), pa.duration("s"), pa.int64(),
        pa.uint64(), pa.float64(), pa.bool_(), pa.large_string(), pa.string(), pa.binary(),
    ]  # fmt: skip
    kind = rng.choice(kinds)
    if kind in (pa.string(), pa.large_string(), pa.binary()):
        raw = [rng.choice(TEXTS).encode() for _ in range(length)]
        raw = [one + rng.choice([b"", b"", b"\xff"]) for one in raw]
        wide = pa.large_binary() if kind == pa.large_string() else pa.binary()
        column = pa.array(raw, wide).view(kind)
    else:
        numbers = [rng.choice([0, 1, -1, 1_234_567_891, 2**31 - 1]) for _ in range(length)]
        if kind.bit_width == 64:
            numbers = [rng.choice([n, n * 2**30, -n * 2**31]) for n in numbers]
        unsigned = [abs(n) for n in numbers]
        plain = {1: pa.int32(), 32: pa.int32(), 64: pa.int64()}[kind.bit_width]
        is_clock = pa.types.is_time(kind)
        column = pa.array([n % 86_000 for n in unsigned] if is_clock else unsigned, plain)
        column = column.cast(kind, safe=False)
    wrap = rng.randrange(6)
    if wrap == 0:
        offsets = pa.array(range(length + 1), pa.int32())
        return pa.ListArray.from_arrays(offsets, column)
    if wrap == 1:
        return pa.StructArray.from_arrays([column], [rng.choice(["a", "title"])])
    return column.dictionary_encode() if wrap == 2 and kind != pa.large_string() else column


def as_parquet(rng: random.Random) -> bytes:
    length = rng.randrange(5)
    names = [name for name in rng.sample(NAMES, 3) if name] + ["other"]
    columns = [arrow_column(rng, length) for _ in names]
    columns[0] = pa.array([rng.choice(TEXTS[:6]) for _ in range(length)])
    out = io.BytesIO()
    try:
        pq.write_table(pa.table(dict(zip(["file", *names[1:]], columns, strict=True))), out)
    except pa.ArrowInvalid:  # Parquet has no seconds, and not all of these fit its milliseconds
        return as_parquet(rng)
    return out.getvalue()


def as_workbook(rng: random.Random) -> bytes:
    book = openpyxl.Workbook()
    sheet = book.active
    assert sheet is not None
    names, rows = table(rng)
    for row in [[]] * rng.randrange(3) + [names, *rows]:
        cells = [cell if isinstance(cell, int | float) else str(cell)[:1000] for cell in row]
        cells = [c if not isinstance(c, int) or abs(c) < 2**70 else "big" for c in cells]
        keep = openpyxl.cell.cell.ILLEGAL_CHARACTERS_RE
        sheet.append([keep.sub("", c) if isinstance(c, str) else c for c in cells])
    out = io.BytesIO()
    book.save(out)
    return damaged_part(rng, out.getvalue()) if rng.random() < 0.6 else out.getvalue()


def damaged_part(rng: random.Random, content: bytes) -> bytes:
    """Damage one part within the workbook's ZIP, whose checksums stay right."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    name = rng.choice([n for n in parts if "sheet1" in n or rng.random() < 0.2] or list(parts))
    parts[name] = damage(rng, parts[name])
    swaps = [(b't="s"', b't="d"'), (b"<v>", b"<v>9"), (b' r="', b' r="9'), (b"<c ", b"<c><c ")]
    old, new = rng.choice(swaps)
    if rng.random() < 0.5:
        parts[name] = parts[name].replace(old, new, rng.randint(1, 3))
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for part, inner in parts.items():
            archive.writestr(part, inner)
    return out.getvalue()


def damage(rng: random.Random, content: bytes) -> bytes:
    data = bytearray(content)
    for _ in range(rng.randint(1, 8)):
        place = rng.randrange(len(data) + 1)
        length = rng.choice([0, 1, 1, 2, 8, 100])
        kind = rng.randrange(4)
        if kind == 0:
            data[place : place + length] = rng.randbytes(length)
        elif kind == 1:
            del data[place : place + length]
        elif kind == 2:
            data[place:place] = data[place : place + length] * rng.randint(1, 50)
        else:
            odd = [b"\0", b'"', b"\n", b"\xff\xfe", b"\x81", b"{" * 200, b",", b"<", b"&#0;", b"\r"]
            data[place:place] = rng.choice(odd)
    return bytes(data[: rng.randrange(len(data) + 1)] if rng.random() < 0.1 else data)


KINDS: list[tuple[str, Callable[[random.Random], bytes]]] = [
    ("csv", as_csv), ("tsv", as_csv), ("txt", as_csv), ("jsonl", as_json),
    ("parquet", as_parquet), ("xlsx", as_workbook),
]  # fmt: skip


def make_list(folder: Path, seed: str) -> Path:
    rng = random.Random(seed)
    ending, make = rng.choice(KINDS)
    content = make(rng)
    path = folder / f"metadata.{ending}"
    path.write_bytes(damage(rng, content) if rng.random() < 0.5 else content)
    return path


def read(source: Path, metadata: Path | None) -> str:
    """Read a list through; return what it came to."""
    try:
        opened = read_source(source, metadata=metadata)
        entries = list(opened)
        count = opened.count()
    except ArtsimError as exc:
        str(exc).encode()
        return "refused"
    assert count == len(entries), f"{count} counted, {len(entries)} read"
    for entry in entries:
        if isinstance(entry, Problem):
            json.dumps(str(entry), ensure_ascii=False).encode()
        else:
            assert why_unstorable(entry.payload) is None
            json.dumps(entry.payload, allow_nan=False)
    return "rows in" if any(not isinstance(entry, Problem) for entry in entries) else "no row in"


def peak_mb() -> int:
    scale = 1 << 20 if sys.platform == "darwin" else 1 << 10
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // scale


def main(folder: Path, seed: int, count: int) -> dict[str, Any]:
    (folder / "sub").mkdir(parents=True, exist_ok=True)
    for name in ("a.jpg", "b.jpg", "sub/c.jpg"):
        (folder / name).write_bytes(b"picture")
    before, failures, ends = peak_mb(), [], dict[str, int]()
    for number in range(count):
        faulthandler.dump_traceback_later(PATIENCE_S, exit=True)
        path = make_list(folder, f"{seed}/{number}")
        for source, metadata in ((path, None), (folder, path)):
            try:
                end = read(source, metadata)
            except Exception:
                end = "failed"
                failures.append([f"{seed}/{number}", path.suffix, traceback.format_exc()[-1500:]])
            ends[end] = ends.get(end, 0) + 1
        path.unlink()
    faulthandler.cancel_dump_traceback_later()
    return {"failures": failures, "ends": ends, "grown_mb": peak_mb() - before}


if __name__ == "__main__":
    print(json.dumps(main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))))  # noqa: T201
