"""The page of a report in a real browser."""

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from made_up_report import COLUMNS, make_report

from artsim.evaluation.report import Report, Row, Table
from artsim.render.report_page import report_html

VISITOR = """
<script>
const table = document.querySelector("table"), heads = table.tHead.rows[0].cells;
const names = () => [...table.tBodies[0].rows].map((row) => row.cells[0].innerText).join(" ");
const seen = [names()];
const press = (at) => {
  heads[at].querySelector("button").click();
  seen.push(`${heads[at].getAttribute("aria-sort")}: ${names()}`);
};
press(1); press(1); press(1); press(0); press(1);
document.title = seen.join("; ");
</script></body>
"""


def opened(page: Path) -> str:
    """Open a page in a browser, expect no complaint, and return its document."""
    names = ("chromium", "chromium-browser", "google-chrome", "chrome")
    browser = next((path for name in names if (path := shutil.which(name))), None)
    if browser is None:
        pytest.skip("no Chromium is installed")
    done = subprocess.run(
        [
            browser, "--headless", "--disable-gpu", "--no-sandbox", "--no-first-run",
            "--disable-dev-shm-usage", f"--user-data-dir={page.parent / 'profile'}",
            "--enable-logging=stderr", "--virtual-time-budget=5000", "--dump-dom", page.as_uri(),
        ],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "HOME": str(page.parent)},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "CONSOLE" not in done.stderr, done.stderr
    return done.stdout


def test_the_policy_lets_the_script_run_and_nothing_complains(tmp_path: Path) -> None:
    page = tmp_path / "report.html"
    page.write_text(
        report_html(make_report(tmp_path, plots=())), encoding="utf-8", errors="replace"
    )
    assert '<html lang="en" class="scripted">' in opened(page)


def test_a_click_sorts_another_turns_and_a_third_restores(tmp_path: Path) -> None:
    shares = {"cow": 0.5, "ant": 0.25, "dog": None, "bee": 0.75}
    rows = tuple(Row(name, {"precision_at_1": share}) for name, share in shares.items())
    report = Report("t", "t", {}, {}, "now", (Table("t", "t", "row", COLUMNS[:2], rows),))
    page = tmp_path / "sorted.html"
    text = re.sub(r"<meta http-equiv[^>]*>", "", report_html(report))
    page.write_text(text.replace("</body>", VISITOR), encoding="utf-8")
    (title,) = re.findall(r"<title>([^<]*)", opened(page))
    assert title.split("; ") == [
        "cow ant dog bee",
        "descending: bee cow ant dog",
        "ascending: ant cow bee dog",  # what was not measured stays last
        "null: cow ant dog bee",
        "ascending: ant bee cow dog",
        "descending: bee cow ant dog",
    ]
