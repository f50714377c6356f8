"""Files as museums give them away, read without a map; and what a dry run says of them."""

from pathlib import Path

import pytest
from PIL import Image
from typer.testing import CliRunner

from artsim.cli import app
from artsim.ingest.columns import resolve_columns, row_payload
from artsim.ingest.manifest import open_manifest
from artsim.ingest.records import Row
from artsim.ingest.sources import read_source
from artsim.ingest.summary import understand_metadata


@pytest.fixture
def inputs(data: Path) -> Path:
    folder = data / "museum_records" / "inputs"
    if not folder.is_dir():
        pytest.skip("no museum_records/inputs in ARTSIM_TEST_DATA")
    return folder


def payloads(path: Path) -> list[dict[str, object]]:
    manifest = open_manifest(path)
    columns = resolve_columns(manifest.columns, place=path.name)
    return [row_payload(row.values, columns) for row in manifest.rows() if isinstance(row, Row)]


def test_both_years_of_tms(inputs: Path) -> None:
    years = [(row["year_start"], row["year_end"]) for row in payloads(inputs / "tms/metadata.csv")]
    assert years == [
        (1944, 1954), (1940, 1950), (1784, 1818), (1790, 1801), (1835, 1835), (1844, 1873),
        (1924, 1940), (1840, 1865),
    ]  # fmt: skip


def test_a_museum_that_names_its_artists_with_lives_and_roles(inputs: Path) -> None:
    first, second = payloads(inputs / "cleveland/data.csv")
    assert (first["artist"], first["artist_key"]) == ("Camille Pissarro", "camille pissarro")
    assert (second["year_start"], second["year_end"]) == (1890, 1900)
    assert "institution" not in first


def test_a_museum_that_divides_artists_by_pipes(inputs: Path) -> None:
    rows = payloads(inputs / "met/MetObjects.csv")
    assert [row["artist_key"] for row in rows] == ["rembrandt", "eyck jan van", "bellini giovanni"]
    assert [row["attribution"] for row in rows] == ["by", "workshop", "workshop"]
    assert rows[0]["institution"] == "Metropolitan Museum of Art, New York, NY"


def test_a_museum_that_ties_artists_by_their_role(inputs: Path) -> None:
    rows = payloads(inputs / "tate/artwork_data.csv")
    kinds = [row["attribution"] for row in rows]
    assert kinds == ["workshop", "by", "attributed", "after", "unknown"]
    assert (rows[1]["height_cm"], rows[1]["width_cm"]) == (61.3, 92.1)


def test_cells_that_say_nothing(inputs: Path) -> None:
    empty, full, undated, *others = payloads(inputs / "null/metadata.csv")
    assert (empty, undated, others) == ({}, {"date_text": "n.d."}, [{}, {}])
    assert full["artist_key"] == "gilbert stuart"


def test_nested_values(inputs: Path) -> None:
    (row,) = payloads(inputs / "smk/metadata.jsonl")
    assert (row["title"], row["date_text"], row["year_end"]) == ("Portræt", "1640-1645", 1645)
    assert (row["artist_key"], row["attribution"]) == ("rembrandt", "workshop")


@pytest.fixture
def german_list(tmp_path: Path) -> Path:
    for number in range(4):
        Image.new("RGB", (32, 32), (number, 0, 0)).save(tmp_path / f"{number}.png")
    (tmp_path / "metadata.csv").write_text(
        "Datei;Künstler;Titel;Datierung;Maße;Bemerkung\n"
        "0.png;Rembrandt Werkstatt;Bildnis\x1b[2J;um 1640/45;62,2 x 34,8 cm;gut\n"
        "1.png;unbekannt;Stilleben;o. J.;groß;NULL\n"
        "2.png;Dürer, Albrecht;NULL;1. H. 16. Jh.;-;\n"
        "3.png;;;;;\n",
        encoding="utf-8",
    )
    return tmp_path


def test_a_dry_run_says_how_the_columns_are_understood(german_list: Path) -> None:
    done = CliRunner().invoke(
        app, ["ingest", str(german_list), "--dry-run", "--no-faces"], env={"COLUMNS": "160"}
    )
    assert done.exit_code == 0, done.output
    lines = done.stderr.splitlines()
    for line in (
        "Datei -> image", "Künstler -> artist, artist_key, attribution",
        "Maße -> height_cm, width_cm, extra", "Bemerkung -> extra",
        "0.png: Bildnis; Rembrandt Werkstatt = workshop rembrandt; um 1640/45 = 1640..1645; "
        "62.2 x 34.8 cm",
        "1.png: Stilleben; unbekannt = unknown; o. J. = no year",
        "1 of 4 without a year: 'o. J.'", "1 of 4 without an artist: 'unbekannt'",
        "1 of 4 without a size: 'groß'",
    ):  # fmt: skip
        assert line in lines
    assert "\x1b" not in done.stderr


def test_pictures_without_metadata_are_not_understood_at_all(german_list: Path) -> None:
    (german_list / "metadata.csv").unlink()
    assert understand_metadata(read_source(german_list)) is None
