"""The quality table is made by the command that its own text gives."""

import csv
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
from PIL import Image

COMMAND = Path(__file__).parents[2] / "benchmarks" / "quality.py"


def make_works(folder: Path) -> None:
    """Two artists of two colors each, one of whose works was scanned twice."""
    rng = np.random.default_rng(0)
    rows = []
    for number in range(12):
        artist = number % 2
        color = np.array([[200, 60, 40], [40, 90, 190]][artist])
        picture = np.clip(color + rng.normal(0, 25, (48, 64, 3)), 0, 255).astype(np.uint8)
        name = f"{number}.png"
        Image.fromarray(picture).save(folder / name)
        twins = "t" if number in (0, 2) else ""
        rows.append((name, f"Artist {artist}", f"Style {artist}", twins))
    with (folder / "metadata.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(("filename", "artist", "style", "near_dup_group"))
        writer.writerows(rows)


def test_table_has_a_row_for_each_encoder(tmp_path: Path) -> None:
    make_works(tmp_path)
    done = subprocess.run(
        [sys.executable, str(COMMAND), "--data", str(tmp_path)],
        capture_output=True,
        text=True,
        check=True,
    )
    title, _, head, rule, histogram, builtin = done.stdout.splitlines()
    assert title.startswith("12 works of 2 artists")
    assert head.count("|") == rule.count("|") == histogram.count("|") == builtin.count("|")
    assert histogram.startswith("| RGB histogram")
    cells = builtin.split(" | ")
    assert cells[0] == "| builtin"
    assert re.fullmatch(r"100\.0 \[100\.0, 100\.0\]", cells[2])
    # Of ten neighbors at most five can be of the query's style.
    assert float(cells[3].split()[0]) == 50.0
    # With its twin apart, two of the twelve can find four.
    assert float(cells[5].split()[0]) == 48.3
