"""Each seam takes a toy by its public registry alone: source, kind, re-ranker, encoder family."""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw
from typer.testing import CliRunner

from artsim.catalog.arrays import RGBImage
from artsim.catalog.kinds import KINDS, PAINTINGS, Crop, CutterOptions, Kind
from artsim.cli import app
from artsim.encoders.base import Encoder, Prepared
from artsim.encoders.cards import Card, Family
from artsim.encoders.registry import FAMILIES, list_cards, register_family, resolve
from artsim.errors import CollectionNotFoundError, EncoderError, ImageError
from artsim.ingest.records import Problem, Source, SourceEntry, SourcePainting
from artsim.ingest.run import IngestOptions, ingest_paintings
from artsim.ingest.sources import SOURCES
from artsim.ingest.summary import Counts
from artsim.ingest.upkeep import push_gallery
from artsim.search.neighbors import read_vectors
from artsim.search.rerank import PIXELS, RERANKERS, Reranker
from artsim.store.gallery import open_gallery

COLORS = ["red", "orange", "yellow", "green", "blue", "purple"]


def picture(color: str) -> bytes:
    """A picture with its color at the left and a black disc at the right, as PNG."""
    image = Image.new("RGB", (80, 60), color)
    ImageDraw.Draw(image).ellipse((45, 15, 75, 45), "black")
    file = io.BytesIO()
    image.save(file, "PNG")
    return file.getvalue()


class Colors(Source):
    """A source of pictures in memory, of one that cannot be had, and of one without an id."""

    colors = COLORS
    knows_digests = False
    opened = 0

    def __init__(self, address: str) -> None:
        self.uri = address

    def __iter__(self) -> Iterator[SourceEntry]:
        """Yield them in the order of the colors."""
        for color in self.colors:
            payload = {"painting_id": color, "image_uri": f"{self.uri}/{color}", "artist": "Toy"}
            digest = hashlib.sha256(picture(color)).hexdigest() if self.knows_digests else None
            yield SourcePainting(color, partial(self._open, color), payload, digest)
        yield SourcePainting("gone", self._refuse, {"painting_id": "gone", "image_uri": "toy:gone"})
        yield Problem(self.uri, f"{self.uri}: has one more picture, without an id")

    def _open(self, color: str) -> bytes:
        Colors.opened += 1
        return picture(color)

    def _refuse(self) -> bytes:
        raise ImageError("toy:gone: the museum has taken it down")


class Halver:
    """Cuts a picture into its left and its right half."""

    identity = "halver-v1"

    def __init__(self, options: CutterOptions) -> None:
        self.options = options

    def __call__(self, picture: RGBImage, width: int) -> list[Crop]:
        """Return both."""
        height, middle = picture.shape[0], picture.shape[1] // 2
        scale = width / picture.shape[1]
        left, right = [0, 0, middle * scale, height * scale], [middle * scale, 0, 0, 0]
        return [
            Crop(picture[:, :middle], {"box": left, "side": "left"}),
            Crop(picture[:, middle:], {"box": right, "side": "right"}),
        ]


HALVES = Kind(
    "halves",
    "half",
    own_fields={"half_index": "integer", "box": None, "side": "keyword"},
    cutter=Halver,
)


class MeanGray(Reranker):
    """Compares how light the small gray pictures are."""

    def scores(
        self, picture: Mapping[str, np.ndarray], rows: Mapping[str, np.ndarray]
    ) -> np.ndarray:
        """Return minus the difference of the means."""
        return -np.abs(rows[PIXELS].mean(axis=1) - picture[PIXELS].mean())


class FourNumbers(Encoder):
    """The mean color of a picture, and one more number."""

    def prepare(self, image: RGBImage) -> Prepared:
        """Return them."""
        return np.append(image.reshape(-1, 3).mean(axis=0), 1.0)

    def compute(self, batch: Prepared) -> np.ndarray:
        """Return the rows as they are."""
        return batch


FOUR_NUMBERS = Family(
    load=lambda card, device: FourNumbers(card.info()),
    cards=(Card(name="four", spec="four", family="four", dim=4, vector_name="four-v1"),),
)


@pytest.fixture(autouse=True)
def _toys(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(SOURCES, "toy", Colors)
    monkeypatch.setitem(KINDS, HALVES.name, HALVES)
    monkeypatch.setitem(RERANKERS, "gray", MeanGray("gray"))
    monkeypatch.setitem(FAMILIES, "four", FOUR_NUMBERS)


def artsim(*arguments: str, code: int = 0) -> str:
    done = CliRunner().invoke(app, arguments)
    assert done.exit_code == code, done.output
    return done.stdout


INGEST = ("ingest", "toy:colors", "-e", "handcrafted", "--no-faces", "--format", "json", "-q")


def test_a_source_of_bytes_is_ingested_by_its_address() -> None:
    summary = json.loads(artsim(*INGEST, code=3))
    assert (summary["written"], summary["failed"], summary["faces"]) == (6, 2, 0)
    assert [problem["painting_id"] for problem in summary["problems"]] == ["gone", None]
    with open_gallery() as gallery:
        payloads = {r.payload["painting_id"]: r.payload for r in gallery[PAINTINGS].scroll()}
    blue = payloads["blue"]
    assert (blue["image_uri"], blue["ingested_from"]) == ("toy:colors/blue", "toy:colors")
    assert (blue["image_width"], blue["image_height"], blue["artist"]) == (80, 60, "Toy")
    assert blue["image_sha256"] == hashlib.sha256(picture("blue")).hexdigest()
    again = json.loads(artsim(*INGEST, "--max-failures", "2"))
    assert (again["written"], again["unchanged"]) == (0, 6)
    artsim("ingest", "toy:colors", "--map", "id=x", code=1)


def test_a_source_that_knows_digests_is_not_opened_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Colors, "knows_digests", True)
    monkeypatch.setattr(Colors, "opened", 0)
    options = IngestOptions(encoders=("handcrafted",), kinds=())
    with open_gallery() as gallery:
        for expected in (Counts(written=6, failed=2), Counts(unchanged=6, failed=2)):
            assert ingest_paintings(gallery, Colors("toy:colors"), options).counts == expected
            assert Colors.opened == 6


def test_what_a_source_no_longer_has_is_pruned(monkeypatch: pytest.MonkeyPatch) -> None:
    artsim(*INGEST, "--kind", "halves", code=3)
    monkeypatch.setattr(Colors, "colors", COLORS[1:])
    summary = json.loads(artsim(*INGEST, "--prune", "--yes", code=3))
    assert (summary["unchanged"], summary["pruned"]) == (5, 1)
    with open_gallery() as gallery:
        assert (gallery[PAINTINGS].count(), gallery[HALVES].count()) == (5, 10)


def test_a_kind_of_parts_is_ingested_beside_the_paintings(tmp_path: Path) -> None:
    summary = json.loads(artsim(*INGEST, "--kind", "halves", code=3))
    assert (summary["written"], summary["halves"]) == (6, 12)
    with open_gallery() as gallery, open_gallery(home=tmp_path / "copy") as copy:
        assert [kind.name for kind in gallery.kinds] == ["paintings", "halves"]
        halves = {r.point_id: r.payload for r in gallery[HALVES].scroll()}
        paintings = {r.payload["painting_id"]: r.payload for r in gallery[PAINTINGS].scroll()}
        assert push_gallery(gallery, copy).written == 18
        assert copy[HALVES].count() == 12
        with pytest.raises(CollectionNotFoundError, match="has no faces"):
            gallery[KINDS["faces"]].count()
    for index, side in enumerate(("left", "right")):
        half = halves[HALVES.point_id("blue", index)]
        assert (half["half_index"], half["side"]) == (index, side)
        assert paintings["blue"].items() <= half.items()
    assert (paintings["blue"]["half_count"], paintings["blue"]["half_cutter"]) == (2, "halver-v1")
    again = ("ingest", "toy:colors", "--no-faces", "--kind", "halves", "--max-failures", "2")
    told = CliRunner().invoke(app, [*again, "-e", "handcrafted"])
    assert "Wrote 0 paintings; 6 were there already; 2 did not go in." in told.stderr
    assert "no such kind" in CliRunner().invoke(app, [*again, "--kind", "thirds"]).stderr


def test_halves_may_come_later_and_get_another_encoder() -> None:
    artsim(*INGEST, code=3)
    later = json.loads(artsim(*INGEST, "--kind", "halves", code=3))
    assert (later["written"], later["extended"], later["halves"]) == (6, 6, 12)
    both = json.loads(artsim(*INGEST, "-e", "builtin", "--kind", "halves", code=3))
    assert (both["extended"], both["added"], both["halves"]) == (6, {"builtin": 6}, 12)
    with open_gallery() as gallery:
        names = sorted(info.name for info in gallery.encoders(HALVES).values())
        assert names == ["builtin", "handcrafted"]
        for record in gallery[HALVES].scroll(with_vectors=list(gallery[HALVES].schema.vectors)):
            assert len(record.vectors) == 3
            assert len(record.payload["half_encoders"]) == 2


def test_a_kind_of_parts_is_searched_listed_counted_and_exported(tmp_path: Path) -> None:
    artsim(*INGEST, "--kind", "halves", code=3)
    (tmp_path / "blue.png").write_bytes(picture("blue"))
    (tmp_path / "brown.png").write_bytes(picture("brown"))
    halves = ("--kind", "halves", "--format", "json")
    by_id = json.loads(artsim("query", "--id", "blue", *halves))
    assert by_id["query"] == {"id": "blue", "kind": "halves", "part": None}
    assert [face["index"] for face in by_id["query_faces"]] == [0, 1]
    by_file = json.loads(artsim("query", str(tmp_path / "blue.png"), *halves))
    found = [(hit["point_id"], pytest.approx(hit["score"], abs=1e-5)) for hit in by_id["hits"]]
    assert [(hit["point_id"], hit["score"]) for hit in by_file["hits"]] == found
    assert {hit["query_face"] for hit in by_id["hits"]} == {0, 1}
    assert by_file["left_out"] == ["blue"]
    question = str(tmp_path / "q.json")
    only = ("query", str(tmp_path / "brown.png"), "--face", "1", "--where", "side=right")
    right = artsim(*only, *halves, "--save", question)
    assert {hit["payload"]["side"] for hit in json.loads(right)["hits"]} == {"right"}
    assert artsim("replay", question, "--format", "json") == right
    listed = json.loads(artsim("list", *halves, "--sort", "half_index"))
    assert [point["payload"]["half_index"] for point in listed["points"]] == [0] * 6 + [1] * 6
    counted = json.loads(artsim("facets", "side", *halves))["values"]
    assert {value["value"]: value["count"] for value in counted} == {"left": 6, "right": 6}
    header = artsim("export", "--kind", "halves", "--format", "csv").splitlines()[0]
    assert {"half_index", "side"} <= set(header.split(","))
    assert len(json.loads(artsim("show", "blue", "--format", "json"))["halves"]) == 2


def test_a_reranker_is_asked_for_by_its_name() -> None:
    artsim(*INGEST, code=3)
    with open_gallery() as gallery:
        table = read_vectors(gallery[PAINTINGS], PIXELS)
    gray = dict(zip((p["painting_id"] for p in table.payloads), table.vectors.mean(1), strict=True))
    asked = ("query", "--id", "blue", "--format", "json", "--rerank")
    hits = json.loads(artsim(*asked, "gray"))["hits"]
    found = {hit["painting_id"]: hit["rerank_score"] for hit in hits}
    assert found == pytest.approx({i: -abs(gray[i] - gray["blue"]) for i in found})
    assert list(found) == sorted(gray.keys() - {"blue"}, key=lambda i: (-found[i], i))
    artsim(*asked, "grey", code=2)


def test_an_encoder_is_called_by_its_name() -> None:
    assert "four" in {card.name for card in list_cards() if card.weights_here}
    with pytest.raises(EncoderError, match="four encoder has no weights and no variants"):
        resolve("four+gem")
    for taken in ("four", "other"):
        with pytest.raises(ValueError, match=taken):
            register_family(taken, FOUR_NUMBERS)


def test_all_four_together(tmp_path: Path) -> None:
    four = ("--encoder", "four", "--format", "json")
    ingested = ("ingest", "toy:colors", "--kind", "halves", "--no-faces", "--max-failures", "2")
    assert json.loads(artsim(*ingested, *four, "-q"))["halves"] == 12

    (tmp_path / "darkblue.png").write_bytes(picture("darkblue"))
    query = ("query", str(tmp_path / "darkblue.png"), "--face", "0", "--kind", "halves")
    hits = json.loads(artsim(*query, "--rerank", "gray", *four))["hits"]
    assert {hit["painting_id"]: hit["payload"]["side"] for hit in hits}["blue"] == "left"
    gray = [hit["rerank_score"] for hit in hits]
    assert gray == sorted(gray, reverse=True) and gray[0] != gray[-1]

    exported = artsim("export", "--kind", "halves", "--vectors", "--format", "jsonl").splitlines()
    points = [json.loads(line) for line in exported]
    vectors = np.array([point["vectors"]["four-v1"] for point in points])
    likeness = vectors @ vectors.T
    for row, point in zip(likeness, points, strict=True):
        row[[other["painting_id"] == point["painting_id"] for other in points]] = -1
    nearest = [points[i]["side"] for i in likeness.argmax(axis=1)]
    right = np.mean([near == point["side"] for near, point in zip(nearest, points, strict=True)])
    sides = ("evaluate", "labels", "--kind", "halves", "--by", "side")
    (table,) = json.loads(artsim(*sides, *four))["tables"][:1]
    measured = {row["name"]: row["values"]["precision_at_1"]["value"] for row in table["rows"]}
    assert 0.5 < measured["four"] == pytest.approx(right)
