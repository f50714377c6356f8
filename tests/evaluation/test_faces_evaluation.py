"""The evaluation of faces on real embedded galleries, held to the searches a user makes."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hints import hinted
from made_up_report import estimate_of, row_of
from sklearn.metrics import average_precision_score, roc_auc_score

from artsim.catalog.kinds import FACES, PAINTINGS, EncoderInfo
from artsim.catalog.payload import Criteria, Known, painting_point_id
from artsim.errors import EncoderMismatchError, EvaluationError, MetadataError, QueryError
from artsim.evaluation.report import LinePlot, Report, report_document
from artsim.evaluation.tasks.faces import FacesOptions, evaluate_faces, main_face, read_faces
from artsim.search.answer import find_similar
from artsim.search.question import IdQuery, SearchOptions
from artsim.store.gallery import Gallery, open_gallery
from artsim.store.protocol import Point, Record

SHARP = EncoderInfo("sharp", "sharp", "sharp-v1", 24, kind="face")
BLUNT = EncoderInfo("blunt", "blunt", "blunt-v1", 8, kind="face")
PEOPLE, PICTURES, SIDE = 8, 5, 16


def unit(rows: np.ndarray) -> np.ndarray:
    return (rows / np.linalg.norm(rows, axis=-1, keepdims=True)).astype(np.float32)


class Photographs:
    """Eight people in five pictures each; some with a bystander, one without any face.

    Each picture is 200 x 200, its person's box 40:20:160:180, drawn by hand. In a third of
    the pictures somebody else looks in at the right edge, in nobody's box. The second
    encoder knows twelve vectors only, so that many are equal.
    """

    def __init__(self) -> None:
        rng = np.random.default_rng(7)
        centers = rng.normal(size=(PEOPLE, SHARP.dim))
        twelve = unit(rng.normal(size=(12, BLUNT.dim)))
        self.paintings: list[Point] = []
        self.faces: list[Point] = []
        for number in range(PEOPLE * PICTURES):
            person, picture = divmod(number, PICTURES)
            name = f"{person}-{picture}.jpg"
            found = 0 if number == 3 else 2 if number % 3 == 0 else 1
            payload = {
                "painting_id": name,
                "image_uri": f"file:///nowhere/{name}",
                "image_width": 200,
                "image_height": 200,
                "face_count": found,
                "face_detector": "by-hand",
                "style": ["Baroque" if person % 2 else "Rococo"],
                "extra": {"person": f"Person {person}", "person_boxes": "40:20:160:180"},
            }
            pixels = rng.integers(0, 256, SIDE * SIDE).astype(np.uint8)
            self.paintings.append(Point(painting_point_id(name), {"pixels": pixels}, payload))
            for index in range(found):
                main = index == found - 1  # the bystander's score is higher
                own = centers[person] if main else rng.normal(size=SHARP.dim)
                sharp = unit(own + rng.normal(scale=1.1, size=SHARP.dim))
                blunt = twelve[person if rng.random() < 0.4 else rng.integers(12)]
                box = [70.0, 30.0, 60.0, 70.0] if main else [170.0, 30.0, 25.0, 30.0]
                face = {
                    **payload,
                    "face_index": index,
                    "box": box,
                    "landmarks": [[1.0, 2.0]] * 5,
                    "detection_score": 0.91 + 0.002 * number - 0.01 * index,
                    "face_size": int(box[2]),
                }
                crop = np.clip(pixels.astype(int) + rng.integers(-9, 9, pixels.size), 0, 255)
                vectors = {"sharp-v1": sharp, "blunt-v1": blunt, "pixels": crop.astype(np.uint8)}
                self.faces.append(Point(FACES.point_id(name, index), vectors, face))

    def fill(self, home: Path) -> Gallery:
        gallery = open_gallery(home=home, name="people")
        gallery.create(PAINTINGS, [], pixels_side=SIDE).upsert(self.paintings)
        gallery.create(FACES, [SHARP, BLUNT], pixels_side=SIDE).upsert(self.faces)
        return gallery


@pytest.fixture(scope="module")
def photographs() -> Photographs:
    return Photographs()


@pytest.fixture(scope="module")
def people(photographs: Photographs, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gallery]:
    with photographs.fill(tmp_path_factory.mktemp("people")) as gallery:
        yield gallery


@pytest.fixture(scope="module")
def pairs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Sixty pairs of pictures, half of them of one person."""
    rng = np.random.default_rng(1)
    rows = {}
    while len(rows) < 60:
        person, other = rng.integers(0, PEOPLE, 2)
        same = len(rows) % 2 == 0
        other = person if same else (other if other != person else (person + 1) % PEOPLE)
        first, second = rng.choice(PICTURES, 2, replace=False)
        names = f"{person}-{first}.jpg", f"{other}-{second}.jpg"
        rows[frozenset(names)] = (*names, int(same))
    path = tmp_path_factory.mktemp("pairs") / "pairs.csv"
    lines = ["file_a,file_b,same", *(",".join(map(str, row)) for row in rows.values())]
    path.write_text("\n".join(lines), encoding="utf-8")
    return path


def options_with(pairs: Path) -> FacesOptions:
    return FacesOptions(pairs=pairs, rerank=("ssim", "rmse"), rerank_depth=9, rerank_weights=(0.5,))


@pytest.fixture(scope="module")
def report(people: Gallery, pairs: Path) -> Report:
    return evaluate_faces(people, options_with(pairs))


def value(report: Report, table: str, row: str, column: str) -> float:
    return estimate_of(report, table, row, column).value


def test_report_is_whole(report: Report) -> None:
    assert report.task == "faces"
    assert report.title == "Faces of people"
    assert [table.name for table in report.tables] == [
        "detection",
        "detection_by_style",
        "detection_by_height",
        "detection_by_face_size",
        "detection_by_score",
        "detection_by_use",
        "verification",
        "verification_all",
        "retrieval",
    ]
    assert [plot.name for plot in report.plots] == ["detection_coverage", "roc", "roc_all"]
    for values in report.query_values:
        assert values.values.mean() == pytest.approx(
            value(report, values.table, values.row, values.column)
        )
        assert len(set(values.query_ids)) == len(values.query_ids)
    json.dumps(report_document(report))


@pytest.mark.parametrize("encoder", ["sharp", "blunt"])
@pytest.mark.parametrize(
    ("way", "method", "weight"),
    [
        ("", None, None),
        (" + ssim", "ssim", None),
        (" + rmse", "rmse", None),
        (" + 0.5 ssim", "ssim", 0.5),
    ],
)
def test_retrieval_is_what_searches_answer(
    people: Gallery,
    photographs: Photographs,
    report: Report,
    encoder: str,
    way: str,
    method: str | None,
    weight: float | None,
) -> None:
    """Every query is sent as a user would, and judged by scikit-learn."""
    options = SearchOptions(
        limit=1000,
        rerank=method,
        rerank_depth=9,
        rerank_weight=weight,
        exact=True,
        all_faces=True,
    )
    scores: dict[str, list[float]] = {name: [] for name in ("recall_at_1", "precision_at_5", "map")}
    for payload in (face.payload for face in photographs.faces):
        if payload["face_index"] != payload["face_count"] - 1:
            continue
        name = str(payload["painting_id"])
        found = find_similar(
            people,
            IdQuery(name),
            options=options,
            kind=FACES,
            part=payload["face_index"],
            encoders=[encoder],
        )
        right = np.array(
            [
                hit.painting_id[0] == name[0]
                and hit.payload["face_index"] == hit.payload["face_count"] - 1
                for hit in found.hits
            ]
        )
        assert right.sum() == (3 if name[0] == "0" else 4)
        scores["recall_at_1"].append(float(right[0]))
        scores["precision_at_5"].append(float(right[:5].mean()))
        scores["map"].append(average_precision_score(right, -np.arange(len(right))))
    row = encoder + way
    for column, values in scores.items():
        assert value(report, "retrieval", row, column) == pytest.approx(np.mean(values))


def test_encoders_are_told_apart(report: Report) -> None:
    chance = value(report, "retrieval", "random order", "map")
    sharp = value(report, "retrieval", "sharp", "map")
    assert chance < value(report, "retrieval", "blunt", "map") < sharp < 1
    assert value(report, "retrieval", "sharp", "recall_at_10") <= 1
    notes = next(table.notes for table in report.tables if table.name == "retrieval")
    assert "39 queries, of 8 people, each ranking all 52 faces" in notes[0]


def test_index_is_watched(report: Report) -> None:
    """So small a gallery has no index: nothing is lost."""
    notes = next(table.notes for table in report.tables if table.name == "retrieval")
    assert "Of the first 10 of 39 queries" in notes[-1]
    assert "finds as well: 100.0 % in every row" in notes[-1]


def test_exact_run_makes_no_claim_on_the_index(people: Gallery) -> None:
    found = evaluate_faces(people, FacesOptions(exact=True, encoders=("sharp",)))
    notes = next(table.notes for table in found.tables if table.name == "retrieval")
    assert "index" not in notes[-1]


def test_sample_of_queries_and_of_pairs(people: Gallery, report: Report) -> None:
    found = evaluate_faces(people, FacesOptions(limit_queries=10, most_pairs=500, seed=3))
    again = evaluate_faces(people, FacesOptions(limit_queries=10, most_pairs=500, seed=3))
    assert again.tables == found.tables
    values = next(v for v in found.query_values if v.table == "retrieval")
    assert len(values.query_ids) == 10
    other = evaluate_faces(people, FacesOptions(limit_queries=10, seed=4, encoders=("sharp",)))
    less = next(v for v in other.query_values if v.table == "retrieval")
    assert set(values.query_ids) != set(less.query_ids)
    assert row_of(found, "verification_all", "sharp").values["pairs"] == 500
    assert value(found, "verification_all", "sharp", "auc") == pytest.approx(
        value(report, "verification_all", "sharp", "auc"), abs=0.05
    )


def cosine(photographs: Photographs, first: str, second: str, vector: str) -> float | None:
    main = {
        str(face.payload["painting_id"]): face.vectors[vector]
        for face in photographs.faces
        if face.payload["face_index"] == face.payload["face_count"] - 1
    }
    if first not in main or second not in main:
        return None
    return float(main[first].astype(float) @ main[second].astype(float))


def test_verification_of_the_list(photographs: Photographs, pairs: Path, report: Report) -> None:
    rows = [line.split(",") for line in pairs.read_text().splitlines()[1:]]
    cosines = [cosine(photographs, first, second, "sharp-v1") for first, second, _ in rows]
    missing = sum(score is None for score in cosines)
    scores = [-1.0 if score is None else score for score in cosines]
    truth = [same == "1" for _, _, same in rows]
    row = row_of(report, "verification", "sharp")
    assert missing > 0
    assert row.values["without_face"] == missing
    assert value(report, "verification", "sharp", "auc") == pytest.approx(
        roc_auc_score(truth, scores), abs=1e-6
    )
    accuracy = value(report, "verification", "sharp", "accuracy")
    assert value(report, "verification", "blunt", "accuracy") < accuracy < 1
    judged = next(v for v in report.query_values if v.table == "verification")
    assert judged.query_ids == tuple(f"{first} {second}" for first, second, _ in rows)
    table = next(table for table in report.tables if table.name == "verification")
    assert any("30 pairs of different people resolve FAR to 3.3 % only" in n for n in table.notes)


def test_verification_of_all_pairs(photographs: Photographs, report: Report) -> None:
    names = [str(point.payload["painting_id"]) for point in photographs.paintings]
    scores, truth = [], []
    for i, first in enumerate(names):
        for second in names[i + 1 :]:
            score = cosine(photographs, first, second, "sharp-v1")
            if score is not None:
                scores.append(score)
                truth.append(first[0] == second[0])
    row = row_of(report, "verification_all", "sharp")
    counts = {name: row.values[name] for name in ("faces", "people", "pairs", "pairs_of_one")}
    assert counts == {"faces": 39, "people": 8, "pairs": 39 * 38 // 2, "pairs_of_one": sum(truth)}
    assert value(report, "verification_all", "sharp", "auc") == pytest.approx(
        roc_auc_score(truth, scores), abs=1e-6
    )


def test_curves_end_where_all_is_accepted(report: Report) -> None:
    for name in ("roc", "roc_all"):
        plot = next(plot for plot in report.plots if plot.name == name)
        assert isinstance(plot, LinePlot)
        assert [line.name for line in plot.lines] == ["sharp", "blunt", "chance"]
        for line in plot.lines:
            assert (line.x[-1], line.y[-1]) == (pytest.approx(1.0), pytest.approx(1.0))
            assert min(line.x) > 0
            assert (np.diff(line.x) >= 0).all()
            assert (np.diff(line.y) >= 0).all()


def test_detection(report: Report) -> None:
    """Each picture has one person, in 39 of 40 with a face; 13 faces look in from outside."""
    cells = row_of(report, "detection", "all").values
    assert (cells["people"], cells["faces"]) == (40, 52)
    assert value(report, "detection", "all", "covered") == 39 / 40
    assert value(report, "detection", "all", "covered_or_shared") == 39 / 40
    assert value(report, "detection", "all", "precision") == 39 / 52
    assert value(report, "detection", "all", "outside") == 13 / 52
    assert value(report, "detection_by_height", "150-199", "covered") == 39 / 40
    assert value(report, "detection_by_face_size", "20-29", "outside") == 1
    assert value(report, "detection_by_face_size", "60-99", "precision") == 1
    assert {row.name for row in report.tables[1].rows} == {"Baroque", "Rococo"}


def test_detection_by_score(photographs: Photographs, report: Report) -> None:
    scores = [
        (f.payload["detection_score"], f.payload["face_size"] > 40) for f in photographs.faces
    ]
    for least in ("0.95", "0.98"):
        kept = [main for score, main in scores if score >= float(least)]
        assert row_of(report, "detection_by_score", least).values["faces"] == len(kept)
        assert value(report, "detection_by_score", least, "covered") == sum(kept) / 40
        assert value(report, "detection_by_score", least, "outside") == 1 - np.mean(kept)
    curve = next(plot for plot in report.plots if plot.name == "detection_coverage")
    assert isinstance(curve, LinePlot)
    assert (curve.lines[0].x[-1], curve.lines[0].y[-1]) == (100 * 13 / 40, 39 / 40)
    assert (np.diff(curve.lines[0].x) >= 0).all()
    assert (np.diff(curve.lines[0].y) >= 0).all()


def test_what_counts_as_found(people: Gallery) -> None:
    def covered(**options: object) -> Report:
        return evaluate_faces(people, FacesOptions(boxes="person_boxes", **options))  # type: ignore[arg-type]

    # The faces' centers are at 65 of 20..180: in the upper 30 %, not in the upper 25 %.
    assert value(covered(upper=0.3), "detection", "all", "covered") == 39 / 40
    low = covered(upper=0.25)
    assert value(low, "detection", "all", "covered") == 0
    assert value(low, "detection", "all", "outside") == 1
    tall = covered(least_person=161)
    assert row_of(tall, "detection", "all").values["people"] == 0
    assert row_of(tall, "detection", "all").values["covered"] is None
    # 60 x 70 of 120 x 160 pixels overlap by 0.22.
    assert value(covered(iou=0.2), "detection", "all", "covered") == 39 / 40
    assert value(covered(iou=0.25), "detection", "all", "covered") == 0


def test_failures_are_the_hardest(photographs: Photographs, report: Report) -> None:
    groups = {group.title: group for group in report.failures}
    missed = groups["Paintings with most people without a face, and the faces found"]
    assert [row.query.payload["painting_id"] for row in missed.rows] == ["0-3.jpg"]
    outside = groups["Surest faces outside every box"].rows
    assert len(outside) == 12
    assert all(row.hits[0].right is False for row in outside)
    alike = groups["Different people, most alike for sharp, of all pairs"].rows[0]
    names = [str(picture.payload["painting_id"]) for picture in (alike.query, alike.hits[0])]
    most = max(
        score
        for i, first in enumerate(photographs.paintings)
        for second in photographs.paintings[i + 1 :]
        if first.payload["extra"] != second.payload["extra"]
        and (
            score := cosine(
                photographs,
                str(first.payload["painting_id"]),
                str(second.payload["painting_id"]),
                "sharp-v1",
            )
        )
        is not None
    )
    assert cosine(photographs, *names, "sharp-v1") == pytest.approx(most)
    worst = groups["People found worst by sharp"].rows
    assert all(len(row.hits) == 5 for row in worst)


def test_main_face_is_large_and_central(people: Gallery) -> None:
    faces = read_faces(people[FACES])
    assert len(faces) == 52
    assert faces.main["0-0.jpg"].payload["face_index"] == 1

    def face(index: int, box: list[float], **size: int) -> Record:
        return Record(str(index), {}, {"face_index": index, "box": box, **size})

    corner, middle = [0.0, 0.0, 50.0, 50.0], [80.0, 80.0, 40.0, 40.0]
    size = {"image_width": 200, "image_height": 200}
    known = face(0, corner, **size), face(1, middle, **size)
    assert main_face(known).payload["face_index"] == 1
    assert main_face((face(0, corner), face(1, middle))).payload["face_index"] == 0


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (FacesOptions(by="title"), "expected two pictures with a face and the same 'title'"),
        (FacesOptions(by="painting_id"), "found 39 values of 39 pictures"),
        (FacesOptions(boxes="extra.boxes"), "no painting has boxes in 'extra.boxes'"),
        (FacesOptions(by="persons"), "no field is called 'persons': did you mean extra.person"),
    ],
)
def test_what_is_asked_for_must_be_there(
    people: Gallery, options: FacesOptions, message: str
) -> None:
    with pytest.raises((EvaluationError, QueryError), match=message):
        evaluate_faces(people, options)


def test_fields_that_are_no_boxes(people: Gallery) -> None:
    with pytest.raises(MetadataError, match=r"'0-0.jpg', extra.person: expected boxes as x1"):
        evaluate_faces(people, FacesOptions(boxes="extra.person"))


def test_unknown_encoder(people: Gallery) -> None:
    with pytest.raises(EncoderMismatchError, match=r"it has: sharp .*, blunt"):
        evaluate_faces(people, FacesOptions(encoders=("builtin",)))


def test_options_that_make_no_sense() -> None:
    for wrong in ({"upper": 0.0}, {"iou": 1.5}, {"rerank_depth": 0}, {"most_pairs": 10}):
        with pytest.raises(ValueError, match=next(iter(wrong))):
            FacesOptions(**wrong)  # type: ignore[arg-type]


@pytest.mark.slow
def test_paintings_without_faces_and_those_nobody_searched(
    photographs: Photographs, tmp_path: Path
) -> None:
    with photographs.fill(tmp_path) as gallery:
        gallery[FACES].delete(Criteria((Known("painting_id"),)))
        report = evaluate_faces(gallery)
        assert value(report, "detection", "all", "covered") == 0
        assert row_of(report, "detection", "all").values["outside"] is None
        names = {table.name for table in report.tables}
        of_people = {"detection_by_style", "detection_by_height", "detection_by_use"}
        assert names == {"detection", *of_people}
        assert report.plots == ()
        json.dumps(report_document(report))
        without = [
            replace(point, payload={k: v for k, v in point.payload.items() if k != "face_count"})
            for point in photographs.paintings
        ]
        gallery[PAINTINGS].upsert(without[:-1])
        notes = evaluate_faces(gallery).tables[0].notes
        assert "39 paintings with boxes were not searched for faces." in notes
        gallery[PAINTINGS].upsert(without)
        with pytest.raises(EvaluationError, match="nobody looked for faces in the 40 paintings"):
            evaluate_faces(gallery)


def test_sample_gallery_by_sitter(sample_gallery: Gallery) -> None:
    """Real faces, found and encoded: a sitter is known by the title."""
    with pytest.raises(
        EvaluationError, check=hinted("has nothing to hold its faces to.*--pairs FILE")
    ):
        evaluate_faces(sample_gallery)
    report = evaluate_faces(sample_gallery, FacesOptions(by="sitter"))
    assert [table.name for table in report.tables] == ["verification_all", "retrieval"]
    assert report.settings["by"] == "extra.sitter"
    found = value(report, "retrieval", "builtin", "map")
    assert found > value(report, "retrieval", "random order", "map")
    assert value(report, "verification_all", "builtin", "auc") > 0.6
