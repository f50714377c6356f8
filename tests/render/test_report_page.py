import base64
import re
from dataclasses import replace
from io import BytesIO
from pathlib import Path

import pytest
from browser import Browser
from made_up_report import COLUMNS, HOSTILE, make_report
from parsed_page import Page
from PIL import Image

from artsim.errors import ReportError
from artsim.evaluation.report import LinePlot, Report, Row, Table, read_report
from artsim.render import report_forms
from artsim.render.pages import static
from artsim.render.report_forms import file_names, report_html, write_report


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Report:
    made = make_report(tmp_path_factory.mktemp("pictures"))
    return replace(made, plots=(made.plots[1], made.plots[6]))


@pytest.fixture(scope="module")
def text(report: Report) -> str:
    return report_html(report)


@pytest.fixture(scope="module")
def page(text: str) -> Page:
    return Page(text)


def test_nothing_comes_from_outside_and_no_script_but_ours_is_there(page: Page) -> None:
    allowed = ("data:image/", "#")
    for tag, attributes in ((found.tag, found.attributes) for found in page.elements):
        assert tag not in {"link", "iframe", "object", "embed", "base", "form", "foreignobject"}
        for name, value in attributes.items():
            assert not name.startswith("on"), (tag, name)
            if name in {"src", "srcset", "xlink:href", "data", "action", "poster"} or (
                name == "href" and tag != "a"
            ):
                assert str(value).startswith(allowed), (tag, name, value)
            assert "url(" not in str(value) or "url(#" in str(value), (tag, value)
    assert "".join(page.texts("script")) == static("report.js")
    assert "url(" not in "".join(page.texts("style"))
    assert "@import" not in "".join(page.texts("style"))
    # A link is followed by a click, never by loading the page, and only to a web page.
    links = [a["href"] for a in page.all("a")]
    assert "https://museum.example/a%22b" in links
    assert not any(str(link).startswith("javascript") for link in links)


def test_the_policy_admits_the_script_by_its_hash_only(page: Page) -> None:
    (policy,) = [
        a["content"] for a in page.all("meta", **{"http-equiv": "Content-Security-Policy"})
    ]
    assert policy.startswith("default-src 'none'; img-src data:;")
    (script,) = re.findall(r"script-src ([^;]*)", policy)
    assert re.fullmatch(r"'sha256-[A-Za-z0-9+/]{43}='", script)


def test_hostile_texts_are_shown_as_texts(page: Page) -> None:
    shown = page.text
    for text in (HOSTILE[0], HOSTILE[1], HOSTILE[2], HOSTILE[3], HOSTILE[4]):
        assert text in shown
    assert "[bold]markup[/bold]" in shown
    assert not re.search("[\x00-\x08\x1b\u202e\ud800-\udfff]", shown)


def test_cells_read_as_on_the_terminal_and_sort_by_number(page: Page) -> None:
    cells = "".join(page.texts("td"))
    for text in ("30.1", "0.278", "1,234,567", "12.3", "0.042", "1.87", "+5.9", "kept"):
        assert text in cells
    assert "[28.7, 31.5]" in "".join(page.texts("span"))
    assert "[−1.2, +1.1]" in "".join(page.texts("span"))  # noqa: RUF001 - a minus sign
    sorts = [a["data-sort"] for a in page.all("td") if "data-sort" in a]
    assert "0.301" in sorts
    assert "" in sorts
    assert all(text == "" or float(str(text)) is not None for text in sorts)


def test_the_best_is_marked_among_what_was_measured(text: str) -> None:
    rows = {
        name: row
        for row in re.findall(r"<tr.*?</tr>", text)
        for name in re.findall(r'<th scope="row"><span><bdi>([^<]*)', row)
    }
    best = {name: re.findall(r'class="number best"[^>]*>([^<]*)', r) for name, r in rows.items()}
    assert best["resnet50v2-stage3"] == ["36.0", "0.261", "0.50"]
    assert best["builtin"] == ["12.3", "0.042"]
    assert best["vgg16 (published)"] == []
    assert 'class="cited"' in rows["vgg16 (published)"]


def test_pictures_are_small_files_within_the_page(page: Page) -> None:
    sources = [a["src"] for a in page.all("img")]
    drawings = [source for source in sources if source.startswith("data:image/svg+xml;base64,")]
    assert len(drawings) == 2
    sources = [source for source in sources if source not in drawings]
    assert len(sources) >= 5
    sizes = []
    for source in sources:
        head, _, coded = source.partition(",")
        assert head == "data:image/jpeg;base64"
        with Image.open(BytesIO(base64.b64decode(coded))) as picture:
            sizes.append(picture.size)
    assert (300, 100) in sizes  # natural aspect
    assert (40, 60) in sizes  # the edited copy, which is in no file
    shown = "".join(page.texts("div"))
    assert "gone.png" in shown
    assert "The picture is elsewhere: https://museum.example/p3.jpg" in shown
    assert "".join(page.texts("span")).count("✓ right") == 2
    assert "".join(page.texts("span")).count("✗ wrong") == 2


def test_a_page_has_no_two_elements_of_one_id(page: Page) -> None:
    ids = [found.attributes["id"] for found in page.elements if "id" in found.attributes]
    targets = [a["href"][1:] for a in page.all("a") if a["href"][0] == "#"]
    assert set(targets) <= set(ids)
    sections = [i for i in ids if re.match(r"(table|pictures)-\d|plots|settings", str(i))]
    assert len(sections) == len(set(sections))


def test_a_report_of_nothing_is_a_page(tmp_path: Path) -> None:
    bare = Report("speed", "Nothing", {}, {}, "today", ())
    assert Page(report_html(bare)).find("main")
    assert write_report(bare, tmp_path).read_text(encoding="utf-8").startswith("<!DOCTYPE html>")


def test_a_report_is_a_folder_of_files(report: Report, tmp_path: Path) -> None:
    out = tmp_path / "new" / "folder"
    path = write_report(report, out)
    assert path == out / "report.html"
    names = sorted(file.name for file in out.iterdir())
    plots = [n + end for n in file_names("plot", report.plots) for end in (".png", ".svg")]
    tables = [n + end for n in file_names("table", report.tables) for end in (".csv", ".tex")]
    assert names == sorted(["report.html", "report.json", *plots, *tables])
    for name in names:
        if name.endswith(".png"):
            with Image.open(out / name) as plot:
                plot.load()
                assert plot.width == 1480
                assert plot.info["Software"] == "artsim"
    assert read_report(out / "report.json").title == report.title


def test_other_files_of_the_folder_are_left_alone(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("mine")
    bare = Report("speed", "New", {}, {}, "today", ())
    write_report(replace(bare, title="Old"), tmp_path)
    write_report(bare, tmp_path)
    assert sorted(file.name for file in tmp_path.iterdir()) == [
        "mine.txt",
        "report.html",
        "report.json",
    ]
    assert (tmp_path / "mine.txt").read_text() == "mine"
    assert "New" in (tmp_path / "report.html").read_text(encoding="utf-8")


def test_files_of_plots_have_plain_names_and_no_two_the_same() -> None:
    names = ["pr", "../pr", "PR", "", "a/b c", "睡", "x" * 200]
    plots = [empty_plot(name) for name in names]
    files = file_names("plot", plots)
    assert files[:6] == [
        "plot-pr",
        "plot-pr-2",
        "plot-PR-3",
        "plot-plot",
        "plot-a-b-c",
        "plot-plot-2",
    ]
    assert len(files[6]) < 100


def empty_plot(name: str) -> LinePlot:
    return LinePlot(name, "", "", "", ())


def test_a_place_that_cannot_be_written_to_is_named(tmp_path: Path) -> None:
    bare = Report("speed", "Nothing", {}, {}, "today", ())
    file = tmp_path / "file"
    file.write_text("")
    with pytest.raises(ReportError, match=re.escape(f"{file}: expected a folder")):
        write_report(bare, file)
    with pytest.raises(ReportError, match=re.escape(f"{file}: expected a folder")):
        write_report(bare, file / "below")
    taken = tmp_path / "taken"
    (taken / "report.json").mkdir(parents=True)
    with pytest.raises(ReportError, match=re.escape(f"{taken / 'report.json'}: this is a folder")):
        write_report(bare, taken)
    assert [file.name for file in taken.iterdir()] == ["report.json"]


def test_too_many_pictures_are_counted(report: Report, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(report_forms, "MAX_PICTURES", 6)
    page = Page(report_html(replace(report, plots=())))
    assert "1 more row is only in report.json." in "".join(page.texts("p"))
    assert "".join(page.texts("span")).count("✗ wrong") == 1


def test_a_huge_table_is_whole(tmp_path: Path) -> None:
    rows = tuple(Row(f"artist {i}", {"precision_at_1": i / 500}) for i in range(500))
    huge = Report("labels", "Huge", {}, {}, "today", (Table("t", "Huge", "artist", COLUMNS, rows),))
    assert report_html(huge).count("<tr") == 501


# In a real browser

VISITOR = """
const table = document.querySelector("table"), heads = table.tHead.rows[0].cells;
const names = () => [...table.tBodies[0].rows].map((row) => row.cells[0].innerText).join(" ");
const seen = [document.documentElement.className, names()];
const press = (at) => {
  heads[at].querySelector("button").click();
  seen.push(`${heads[at].getAttribute("aria-sort")}: ${names()}`);
};
press(1); press(1); press(1); press(0); press(1);
return seen;
"""


def test_a_click_sorts_another_turns_and_a_third_restores(browser: Browser, tmp_path: Path) -> None:
    shares = {"cow": 0.5, "ant": 0.25, "dog": None, "bee": 0.75}
    rows = tuple(Row(name, {"precision_at_1": share}) for name, share in shares.items())
    table = Table("t", "t", "row", COLUMNS[:2], rows)
    page = tmp_path / "report.html"
    hostile = report_html(make_report(tmp_path, plots=(), tables=(table,)))
    page.write_text(hostile, encoding="utf-8", errors="replace")
    assert browser.visit(page, VISITOR) == [
        "scripted",
        "cow ant dog bee",
        "descending: bee cow ant dog",
        "ascending: ant cow bee dog",  # what was not measured stays last
        "null: cow ant dog bee",
        "ascending: ant bee cow dog",
        "descending: bee cow ant dog",
    ]
