"""Record what a checkout of artsim answers, and compare it with what another one does.

    python -m benchmarks.recordings record --checkout DIR --data DIR --weights DIR --out DIR
    python -m benchmarks.recordings compare OLD NEW

A recording holds the payloads and vectors of galleries of real pictures, the answers to queries
of every form, the figures of every evaluation task, and exit codes and errors of bad inputs, all
by the command line of the checkout. Vectors may differ by a cosine of 1e-6, scores by 1e-5, and
hits whose scores tie may change places; every other difference is printed, and ends in 1.
"""

from __future__ import annotations

import argparse
import csv
import json
import math
import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow.parquet as pq

LEAST_COSINE: Final = 1 - 1e-6
MOST_APART: Final = 1e-5
COMMANDS: Final = Path(__file__).with_suffix(".txt")
WORKS: Final = 400
"""Of a collection, the first by name."""

# Runs each command in a fork, so that torch is imported once.
DRIVER: Final = """
import json, os, runpy, sys, traceback
import numpy, PIL.Image, torch
for line in sys.stdin:
    argv, out, err = json.loads(line)
    child = os.fork()
    if not child:
        for number, path in enumerate((os.devnull, out, err)):
            os.dup2(os.open(path, os.O_RDWR | os.O_CREAT | os.O_TRUNC), number)
        sys.argv, code = ["artsim", *argv], 0
        try:
            runpy.run_module("artsim", run_name="__main__", alter_sys=True)
        except SystemExit as end:
            code = end.code if isinstance(end.code, int) else int(end.code is not None)
        except BaseException:
            traceback.print_exc()
            code = 99
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
"""

# What differs from run to run, or says what else is installed.
IGNORED: Final = {"seconds", "created", "versions", "bytes_on_disk", "artsim"}
TIMES: Final = re.compile(
    r"\b\d+(\.\d+)? (s|min|h|seconds|pictures/s)\b|\d{4}-\d\d-\d\d[T ][\d:.+Z]*"
)
PROGRESS: Final = re.compile(r"^\S.*\b\d+ of \d+\b.*TIME|^\s*$")


def record(checkout: Path, data: Path, weights: Path, out: Path) -> None:
    """Run every command in a folder of its own; write what it said, and the vectors."""
    out.mkdir(parents=True)
    with tempfile.TemporaryDirectory(prefix="artsim-recording-") as folder:
        work = Path(folder)
        names = prepare(work, checkout, data)
        env = {name: value for name, value in os.environ.items() if "ARTSIM" not in name}
        env |= {"PYTHONPATH": str(checkout.absolute()), "ARTSIM_HOME": str(work / "home")}
        env |= {"ARTSIM_WEIGHTS": str(weights.absolute()), "HF_HUB_OFFLINE": "1"}
        env |= {"COLUMNS": "160", "OMP_NUM_THREADS": "1", "HF_HOME": str(work / "hub")}
        said: dict[str, Any] = {}
        with subprocess.Popen(
            (sys.executable, "-c", DRIVER),
            cwd=work,
            env=env,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        ) as driver:
            assert driver.stdin is not None
            assert driver.stdout is not None
            files = [out / "stdout", out / "stderr"]
            for line in COMMANDS.read_text(encoding="utf-8").splitlines():
                if not line or line[0] in "#[":
                    continue
                arguments = shlex.split(line.format(**names))
                driver.stdin.write(json.dumps((arguments, *map(str, files))) + "\n")
                driver.stdin.flush()
                code = int(driver.stdout.readline())
                texts = [file.read_text(encoding="utf-8", errors="replace") for file in files]
                stdout, stderr = (text.replace(str(work), "WORK") for text in texts)
                said[line + " (again)" * (line in said)] = [code, stdout, stderr]
                print(code, line, flush=True)
            driver.stdin.close()
        for file in work.glob("*.parquet"):
            shutil.copy(file, out)
    for file in files:
        file.unlink()
    document = {"work": str(work), "said": said}
    (out / "recording.json").write_text(json.dumps(document, indent=1), encoding="utf-8")


def prepare(work: Path, checkout: Path, data: Path) -> dict[str, str]:
    """Make the sources and the bad files; return three pictures of the first gallery by name."""
    chosen = sorted(path.name for path in (data / "paintings" / "images").iterdir())[:WORKS]
    copy_collection(data / "paintings", work / "paintings", "metadata.csv", set(chosen))
    numbers = {path.name for path in (data / "nga" / "images").iterdir()}
    copy_collection(data / "nga", work / "nga", "paintings_with_images.csv", numbers)
    with (data / "lfw" / "verification_pairs.csv").open(encoding="utf-8") as file:
        pairs = list(csv.reader(file))
    kept = [pairs[0], *pairs[1:41], *pairs[-40:]]
    shown = {Path(cell).name for row in kept[1:] for cell in row if cell.endswith(".jpg")}
    copy_collection(data / "lfw", work / "lfw", "metadata.csv", shown)
    with (work / "pairs.csv").open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows(kept)
    shutil.copy(checkout / "tests/data/encoders/mobilenet-v1.json", work)
    others = sorted((data / "paintings" / "images").iterdir())
    shutil.copy(others[WORKS + 50], work / "outside.jpg")
    whole = others[0].read_bytes()
    damaged = work / "damaged"
    for folder in ("empty", "damaged"):
        (work / folder).mkdir()
    shutil.copy(others[1], damaged / "good.jpg")
    bad = {"cut.jpg": whole[: len(whole) // 3], "empty.jpg": b"", "words.jpg": b"no picture"}
    for name, content in bad.items():
        (work / name).write_bytes(content)
        (damaged / name).write_bytes(content)
    from PIL import Image

    Image.new("RGB", (200, 150), (90, 120, 60)).save(work / "bare.png")
    rows = "file,title,date\npaintings/images/none.jpg,None,1600\nbare.png,,16??\n,No file,\n"
    (work / "bad.csv").write_text(rows + "bare.png,Again,um 1640\n", encoding="utf-8")
    (work / "binary.csv").write_bytes(bytes(range(256)) * 20)
    (work / "headless.csv").write_text("1,2,3\n4,5,6\n", encoding="utf-8")
    (work / "mine.csv").write_text("mine", encoding="utf-8")
    (work / "notes.txt").write_text("words", encoding="utf-8")
    named = zip(("first", "second", "third"), (f"images/{n}" for n in chosen), strict=False)
    return {"id": f"--id 'images/{chosen[0]}'", **dict(named)}


def copy_collection(source: Path, target: Path, manifest: str, names: set[str]) -> None:
    """Copy the pictures of those names, and the rows of the manifest that are of them."""
    (target / "images").mkdir(parents=True)
    with (source / manifest).open(encoding="utf-8", newline="") as file:
        header, *rows = csv.reader(file)
    with (target / manifest).open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows(
            [header, *(row for row in rows if any(Path(cell).name in names for cell in row))]
        )
    for path in (source / "images").rglob("*"):
        if path.name in names:
            shutil.copy(path, target / "images")


Value = Any  # of JSON


def compare(old: Path, new: Path) -> Iterator[str]:
    """Yield the differences of two recordings; what is only added begins with a plus."""
    texts = [(folder / "recording.json").read_text(encoding="utf-8") for folder in (old, new)]
    one, other = (json.loads(text) for text in texts)
    for line, (code, stdout, stderr) in one["said"].items():
        if line not in other["said"]:
            yield f"{line}: was not recorded"
            continue
        new_code, new_stdout, new_stderr = other["said"][line]
        found = [] if code == new_code else [f"exit code {code}, now {new_code}"]
        found += compare_outputs(stdout, new_stdout)
        found += (f"stderr: {said}" for said in compare_texts(stderr, new_stderr))
        yield from (f"{'+ ' * said.startswith('+')}{line}: {said}" for said in found)
    works = (one["work"], other["work"])
    for file in sorted(old.glob("*.parquet")):
        yield from (f"{file.name}: {d}" for d in compare_exports(file, new / file.name, works))


def compare_outputs(old: str, new: str) -> Iterator[str]:
    """Compare what a command wrote on stdout: figures of reports, JSON, lines of JSON, or text."""
    try:
        values = [[json.loads(line) for line in text.splitlines()] for text in (old, new)]
    except ValueError:
        try:
            values = [json.loads(text) for text in (old, new)]
        except ValueError:
            yield from compare_texts(old, new)
            return
        if "tables" in values[0]:
            values = [figures(report) for report in values]
    yield from compare_values(*values, "")


def figures(report: dict[str, Value]) -> dict[str, Value]:
    """Return the values of a report by table, row and column; times apart."""
    return {
        f"{table['name']} | {row['name']} | {column['name']}": row["values"].get(column["name"])
        for table in report["tables"]
        for row in table["rows"]
        for column in table["columns"]
        if column["unit"] not in ("ms", "seconds")
    }


def compare_values(old: Value, new: Value, where: str) -> Iterator[str]:
    """Compare values of JSON; numbers may differ by `MOST_APART`."""
    if isinstance(old, dict) and isinstance(new, dict):
        for key in old.keys() - new.keys() - IGNORED:
            yield f"{where}.{key} is gone: {str(old[key])[:100]}"
        for key in new.keys() - old.keys() - IGNORED:
            yield f"+ {where}.{key} is new: {str(new[key])[:100]}"
        for key in (key for key in old if key in new and key not in IGNORED):
            yield from compare_values(old[key], new[key], f"{where}.{key}")
    elif isinstance(old, list) and isinstance(new, list):
        if all(isinstance(hit, dict) and "score" in hit for hit in old + new):
            yield from compare_hits(old, new, where)
        elif len(old) != len(new):
            yield f"{where}: {len(old)} values, now {len(new)}"
        else:
            for number, pair in enumerate(zip(old, new, strict=True)):
                yield from compare_values(*pair, f"{where}[{number}]")
    elif type(old) is type(new) is float:
        if not math.isclose(old, new, rel_tol=1e-9, abs_tol=MOST_APART):
            yield f"{where}: {old}, now {new}"
    elif isinstance(old, str) and isinstance(new, str):
        yield from (f"{where}: {said}" for said in compare_texts(old, new))
    elif old != new:
        yield f"{where}: {old!r}, now {new!r}"


def compare_hits(old: list[Value], new: list[Value], where: str) -> Iterator[str]:
    """Compare hits: those whose scores tie may change places, or be cut off at the end."""
    names = ("rerank_score", "score")
    ranked = [
        [next(float(hit[name]) for name in names if hit.get(name) is not None) for hit in hits]
        for hits in (old, new)
    ]
    if len(old) != len(new):
        yield f"{where}: {len(old)} hits, now {len(new)}"
    for rank, (one, other) in enumerate(zip(*ranked, strict=False), 1):
        if abs(one - other) > MOST_APART:
            yield f"{where}: score {one} at rank {rank}, now {other}"
    key = "point_id" if old and "point_id" in old[0] else "painting_id"
    there = {hit.get(key, number): hit for number, hit in enumerate(new)}
    for number, (hit, score) in enumerate(zip(old, ranked[0], strict=True)):
        other = there.get(hit.get(key, number))
        if other is not None:
            # Where scores tie, places may differ, and with them groups.
            one, two = (
                {name: value for name, value in each.items() if name not in ("rank", "group")}
                for each in (hit, other)
            )
            yield from compare_values(one, two, f"{where}[{number}]")
        elif abs(score - ranked[1][-1]) > MOST_APART:
            yield f"{where}: {hit.get('painting_id')} of score {score} is no longer found"


def compare_texts(old: str, new: str) -> Iterator[str]:
    """Compare texts line by line; numbers may differ in their last digit, times in all."""
    lines = [
        [TIMES.sub("TIME", line.rstrip()) for line in text.splitlines() if not PROGRESS.match(line)]
        for text in (old, new)
    ]
    if len(lines[0]) == len(lines[1]):
        pairs = [pair for pair in zip(*lines, strict=True) if not same_line(*pair)]
    else:
        pairs = [("\n".join(lines[0]), "\n".join(lines[1]))]
    yield from (f"{one[:400]!r}\n      now {other[:400]!r}" for one, other in pairs)


def same_line(old: str, new: str) -> bool:
    """Whether two lines say the same, up to the last digit of decimal fractions."""
    one, other = (re.split(r"(\d+\.\d+)", line) for line in (old, new))
    return one[::2] == other[::2] and all(
        math.isclose(
            float(a), float(b), abs_tol=max(MOST_APART, 1.01 * 10.0 ** -len(a.split(".")[1]))
        )
        for a, b in zip(one[1::2], other[1::2], strict=True)
    )


def compare_exports(old: Path, new: Path, works: tuple[str, str]) -> Iterator[str]:
    """Compare the payloads and vectors that two galleries held."""
    tables = [pq.read_table(path).sort_by("point_id").to_pydict() for path in (old, new)]
    if tables[0]["point_id"] != tables[1]["point_id"]:
        yield "other points"
        return
    for name, column in tables[0].items():
        if name not in tables[1]:
            yield f"{name} is gone"
        elif name.startswith("vector_"):
            one, other = (np.array(table[name], dtype=np.float64) for table in tables)
            cosines = (one * other).sum(1) / np.linalg.norm(one, axis=1)
            least = float((cosines / np.linalg.norm(other, axis=1)).min())
            exact = name == "vector_pixels"
            if (exact and (one != other).any()) or least < LEAST_COSINE:
                yield f"{name}: cosine {least:.8f}, {(one != other).any(1).sum()} rows differ"
        else:
            for values in zip(tables[0]["point_id"], column, tables[1][name], strict=True):
                said = [
                    json.dumps(v, default=str).replace(w, "WORK")
                    for v, w in zip(values[1:], works, strict=True)
                ]
                if said[0] != said[1]:
                    yield f"{name} of {values[0]}: {said[0][:200]}, now {said[1][:200]}"
    yield from (f"+ {name} is new" for name in tables[1].keys() - tables[0].keys())


def main() -> int:
    """Record, or print the differences of two recordings; return the exit status."""
    parser = argparse.ArgumentParser(prog="benchmarks.recordings", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    recording = commands.add_parser("record")
    for name in ("--checkout", "--data", "--weights", "--out"):
        recording.add_argument(name, type=Path, required=True)
    comparing = commands.add_parser("compare")
    comparing.add_argument("old", type=Path)
    comparing.add_argument("new", type=Path)
    options = parser.parse_args()
    if options.command == "record":
        record(options.checkout, options.data, options.weights, options.out)
        return 0
    found = list(compare(options.old, options.new))
    for difference in found:
        print(difference)
    differences = [difference for difference in found if not difference.startswith("+")]
    print(f"{len(differences)} differences, {len(found) - len(differences)} additions")
    return int(bool(differences))


if __name__ == "__main__":
    sys.exit(main())
