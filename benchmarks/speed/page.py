"""The page over 2,000 paintings: a dropped picture, 20 visitors at once, thumbnails, first view.

The baseline of 20 visitors is one, who asks by pictures of the same list one after another, before
and after them. No picture is asked by twice where the folder has enough of them, since what was
encoded once is not encoded again.
"""

from __future__ import annotations

import json
import random
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from urllib.request import urlopen

import numpy as np
from PIL import Image, ImageOps

from artsim.config import Settings
from artsim.ingest.run import IngestOptions, ingest_paintings
from artsim.store.gallery import open_gallery
from benchmarks.speed.bench import ARTSIM, Bench, Promise, environment, failed, join_notes
from benchmarks.speed.visitors import Told, Visitor

MOST_DROP: Final = 2.0
LEAST_GAIN: Final = 1.3
LEAST_THUMBNAILS: Final = 300
MOST_VIEW: Final = 1.0
MOST_GROWTH: Final = 800
"""Megabytes: 256 that the server keeps of pictures, parts and vectors, and what threads need."""

_KEPT_THUMBNAILS: Final = 200


@dataclass(frozen=True, slots=True)
class Page:
    """A server in a process of its own."""

    address: str
    pid: int

    def megabytes(self, field: str = "VmRSS") -> float:
        """Return its memory now, or at most (``VmHWM``); NaN where the system does not tell."""
        try:
            lines = Path(f"/proc/{self.pid}/status").read_text().splitlines()
        except OSError:
            return float("nan")
        return next(int(line.split()[1]) / 1024 for line in lines if line.startswith(field))

    def get(self, path: str) -> Any:
        """Return an answer's JSON."""
        with urlopen(f"{self.address}{path}") as answer:
            return json.load(answer)


def measure_page(bench: Bench) -> list[Promise]:
    """Ingest, serve, and visit."""
    home, sizes = bench.scratch / "home", bench.sizes
    options = IngestOptions(faces=False, limit=sizes.page_paintings)
    bench.say(f"ingesting {sizes.page_paintings:,} paintings")
    with open_gallery(Settings(home=home)) as gallery:
        ingest_paintings(gallery, bench.source(), options, settings=Settings(home=home))
    asked = bench.scratch / "asked.txt"
    pictures = list(pictures_to_ask(bench))
    asked.write_text("\n".join(pictures), encoding="utf-8")
    with page_over(home) as page:
        count = page.get("/api/v1/paintings?limit=1")["total"]
        return [
            measure_drop(bench, page, pictures, count),
            measure_view(bench, page, count),
            *measure_visitors(bench, page, asked, len(pictures), count),
            measure_thumbnails(bench, page),
        ]


def pictures_to_ask(bench: Bench) -> Iterator[str]:
    """Yield the files of the source in any order, each as it is and mirrored."""
    folder = bench.scratch / "mirrored"
    folder.mkdir()
    paths = bench.choose(2 * bench.sizes.page_paintings, bench.seed)
    kept = []
    for number, path in enumerate(paths):
        kept.append(str(path))
        with Image.open(path) as picture:
            mirrored = folder / f"{number:06d}.jpg"
            ImageOps.mirror(picture.convert("RGB")).save(mirrored, quality=90)
        kept.append(str(mirrored))
    random.Random(bench.seed).shuffle(kept)
    return iter(kept)


@contextmanager
def page_over(home: Path) -> Iterator[Page]:
    """Serve the page over the gallery of a data folder while the block runs."""
    command = (*ARTSIM, "serve", "--no-browser", "--port", "0")
    with subprocess.Popen(
        command, env=environment(home), stderr=subprocess.PIPE, text=True
    ) as server:
        assert server.stderr is not None
        line = server.stderr.readline()
        try:
            if "http" not in line:
                raise failed(command, line + server.stderr.read())
            yield Page(line[line.index("http") :].split(";")[0].rstrip("/"), server.pid)
        finally:
            server.terminate()


def measure_drop(bench: Bench, page: Page, pictures: list[str], count: int) -> Promise:
    """Send pictures, look for their faces and search by them, one after another, as a drop does."""
    told = Told()
    visitor, beside = Visitor(page.address, told), Visitor(page.address, told)
    seconds = []
    for path in pictures[: 2 * bench.sizes.rounds + 1]:
        start = time.perf_counter()
        upload = visitor.send_picture(path)
        beside.ask("GET", f"/api/v1/uploads/{upload}/parts")
        visitor.search(upload)
        seconds.append(time.perf_counter() - start)
    visitor.close()
    beside.close()
    first, most = seconds[0], max(seconds[1:])
    return Promise(
        f"a dropped picture has hits, {count:,} paintings",
        f"within {MOST_DROP:g} s, its faces found meanwhile",
        f"{np.median(seconds[1:]):.2f} s, at most {most:.2f} s; the very first {first:.2f} s",
        "",
        most <= MOST_DROP,
        bench.note,
        {"median_s": float(np.median(seconds[1:])), "most_s": most, "first_s": first},
    )


def measure_visitors(
    bench: Bench, page: Page, asked: Path, pictures: int, count: int
) -> list[Promise]:
    """Let one visitor ask, many, and one again."""
    sizes = bench.sizes
    before = page.megabytes()
    bench.say(f"one visitor, {sizes.visitors} for {sizes.visit_seconds:g} s, and one again")
    first = 2 * sizes.rounds + 1
    told = []
    alone = sizes.visit_seconds / 4
    for visitors, seconds in ((1, alone), (sizes.visitors, sizes.visit_seconds), (1, alone)):
        told.append(visit("pictures", page, asked, visitors, seconds, first))
        first += len(told[-1].ms) + len(told[-1].failures)
    rates = [len(one.ms) / one.seconds for one in told]
    many, gain = told[1], rates[1] / ((rates[0] + rates[2]) / 2)
    p50, p95 = np.percentile(many.ms or [np.nan], (50, 95)) / 1e3
    after, most = page.megabytes(), page.megabytes("VmHWM")
    failures = [words for one in told for words in one.failures]
    note = "" if first <= pictures else f"{first - pictures} pictures were asked by again"
    mean_ms = np.mean([*told[0].ms, *told[2].ms])
    return [
        Promise(
            f"{sizes.visitors} visitors search by pictures for {sizes.visit_seconds:g} s, "
            f"{count:,} paintings",
            f"at least {LEAST_GAIN} times one after another, no error but an announced 503",
            f"{gain:.2f} times, {rates[1]:.1f} a second, p50 {p50:.2f} s, p95 {p95:.2f} s, "
            f"{many.refused} announced 503, {len(failures)} errors"
            + (f" ({failures[0]})" if failures else ""),
            f"{rates[0]:.1f} and {rates[2]:.1f} a second, {mean_ms:.0f} ms each",
            gain >= LEAST_GAIN and not failures,
            join_notes(bench.note, note),
            {"gain": gain, "p50_s": p50, "p95_s": p95, "refused": many.refused, "rate": rates[1]},
        ),
        Promise(
            f"memory of the server, {sizes.visitors} visitors",
            f"grows by at most {MOST_GROWTH} MB",
            f"{before:,.0f} MB before, at most {most:,.0f}, {after:,.0f} after",
            "",
            bool(most - before <= MOST_GROWTH),
            numbers={"before_mb": before, "most_mb": most, "after_mb": after},
        ),
    ]


def visit(
    task: str, page: Page, things: Path, visitors: int, seconds: float, first: int = 0
) -> Told:
    """Return what visitors in a process of their own met with."""
    command = (
        *(sys.executable, "-m", "benchmarks.speed.visitors", task, page.address, str(things)),
        *("--visitors", str(visitors), "--seconds", str(seconds), "--first", str(first)),
    )
    done = subprocess.run(
        command, check=False, capture_output=True, text=True, cwd=Path(__file__).parents[2]
    )
    if done.returncode:
        raise failed(command, done.stderr)
    return Told(**json.loads(done.stdout))


def measure_thumbnails(bench: Bench, page: Page) -> Promise:
    """Let the visitors look at thumbnails that were made before."""
    points = page.get(f"/api/v1/paintings?limit={_KEPT_THUMBNAILS}")["points"]
    addresses = [
        f"/api/v1/thumbnails/{one['picture_id']}?v={one['payload']['image_sha256'][:16]}"
        for one in points
    ]
    listed = bench.scratch / "thumbnails.txt"
    listed.write_text("\n".join(addresses), encoding="utf-8")
    maker = Visitor(page.address, Told())
    for address in addresses:
        maker.see(address)
    maker.close()
    told = visit("thumbnails", page, listed, bench.sizes.visitors, bench.sizes.visit_seconds / 4)
    rate = len(told.ms) / told.seconds
    return Promise(
        f"thumbnails from the cache, {bench.sizes.visitors} visitors",
        f"at least {LEAST_THUMBNAILS} a second",
        f"{rate:.0f} a second, p95 {np.percentile(told.ms, 95):.0f} ms",
        "",
        rate >= LEAST_THUMBNAILS and not told.failures,
        bench.note,
        {"rate": rate},
    )


def measure_view(bench: Bench, page: Page, count: int) -> Promise:
    """Open the page in new profiles of a browser, until its works and their pictures are there."""
    name, promised = f"first view of the page, {count:,} paintings", f"under {MOST_VIEW:g} s"
    names = ("chromium", "chromium-browser", "google-chrome", "chrome")
    program = next((path for each in names if (path := shutil.which(each))), None)
    if program is None:
        return Promise(name, promised, "not measured: no Chromium is installed", "", None)
    from playwright.sync_api import sync_playwright

    seconds = []
    # Those that can be seen without scrolling; the rest is loaded when it is scrolled to.
    seen = """() => {
      const all = [...document.querySelectorAll("#hits img")]
        .filter(one => one.getBoundingClientRect().top < innerHeight);
      return all.length && all.every(one => one.complete && one.naturalWidth);
    }"""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        for _ in range(bench.sizes.rounds + 1):
            context = browser.new_context(viewport={"width": 1280, "height": 900})
            opened = context.new_page()
            start = time.perf_counter()
            opened.goto(page.address)
            opened.wait_for_function(seen)
            seconds.append(time.perf_counter() - start)
            context.close()
        browser.close()
    median = float(np.median(seconds[1:]))  # the first has the server make the thumbnails
    return Promise(
        name,
        promised,
        f"{median:.2f} s, at most {max(seconds[1:]):.2f} s; the first, which has thumbnails made, "
        f"{seconds[0]:.2f} s",
        "",
        median < MOST_VIEW,
        bench.note,
        {"median_s": median, "most_s": max(seconds[1:]), "first_s": seconds[0]},
    )
