"""What a score is said to mean, in a gallery of real paintings."""

import shutil
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest
from made_up_gallery import DIM, MadeUp, unit_rows
from PIL import Image

from artsim import ImageQuery, PixelsQuery, compare, find_similar, ingest_paintings
from artsim.catalog.kinds import FACES, PAINTINGS, PIXELS
from artsim.catalog.scale import LEVELS, KnownPairs, Scale, Verdict, noted_scales
from artsim.encoders.trained import read_cohort
from artsim.errors import NoFaceError
from artsim.ingest.run import IngestOptions
from artsim.ingest.upkeep import push_gallery
from artsim.render.text import verdict_text
from artsim.search.models import Models
from artsim.search.neighbors import read_vectors
from artsim.search.question import COPIES, ExamplesQuery, IdQuery, SearchOptions
from artsim.store.gallery import Gallery, open_gallery
from benchmarks.no_paintings import plain_no_paintings

LUTE = "vermeer-young-woman-lute-met-437880.jpg"


@pytest.fixture(scope="module")
def models() -> Models:
    return Models()


def scale_of(gallery: Gallery) -> tuple[str, Scale]:
    name = next(iter(gallery.encoders(PAINTINGS)))
    return name, noted_scales(gallery[PAINTINGS].schema.notes)[name]


def test_a_percentile_is_the_share_of_the_own_pairs_that_are_less_near(
    sample_gallery: Gallery,
) -> None:
    name, scale = scale_of(sample_gallery)
    vectors = read_vectors(sample_gallery[PAINTINGS], name).vectors
    pairs = (vectors @ vectors.T)[np.triu_indices(len(vectors), 1)]
    hits = find_similar(
        sample_gallery, IdQuery("met-437881"), options=SearchOptions(limit=113)
    ).hits
    for hit in hits:
        assert hit.verdict is not None
        # Between the levels that are kept, along a straight line.
        at = np.searchsorted(LEVELS, hit.verdict.percentile / 100)
        slack = 100 * (LEVELS[min(at, len(LEVELS) - 1)] - LEVELS[max(at - 1, 0)])
        assert hit.verdict.percentile == pytest.approx(100 * (pairs < hit.score).mean(), abs=slack)
    assert scale.points == len(vectors)


def test_a_word_is_measured_by_the_nearest_works_of_other_artists(sample_gallery: Gallery) -> None:
    name, scale = scale_of(sample_gallery)
    table = read_vectors(sample_gallery[PAINTINGS], name)
    artists = np.array([str(payload.get("artist_key")) for payload in table.payloads])
    cosines = table.vectors @ table.vectors.T
    cosines[artists[:, None] == artists] = -1.0
    nearest = np.sort(cosines.max(axis=1))
    assert scale.near == pytest.approx(np.quantile(nearest, 0.97, method="weibull"), abs=1e-3)
    assert scale.verdict(scale.near).word in (
        "near",
        "very near",
    )  # two may be each other's nearest
    assert scale.verdict(scale.near - 0.001).word == "not near"
    assert scale.verdict(scale.very_near).word == "very near"


def test_near_is_as_rare_by_chance_in_a_gallery_of_few() -> None:
    found = np.random.default_rng(0).normal(size=(2000, 41)).astype(np.float32)
    scales = [Scale.measured(40, row[1:], row[1:]) for row in found]
    by_chance = [row[0] >= scale.near for row, scale in zip(found, scales, strict=True)]
    assert np.mean(by_chance) == pytest.approx(0.03, abs=0.012)  # three standard errors


def test_near_takes_more_of_a_query_that_is_like_many_paintings(sample_gallery: Gallery) -> None:
    name, _ = scale_of(sample_gallery)
    cohort = read_cohort(name)
    assert cohort is not None
    table = read_vectors(sample_gallery[PAINTINGS], name)
    ids = [str(payload["painting_id"]) for payload in table.payloads]
    artists = np.array([str(payload.get("artist_key")) for payload in table.payloads])
    cosines = table.vectors @ table.vectors.T
    common = cohort.common(table.vectors)
    nearest = np.where(artists[:, None] == artists, -1.0, cosines).max(axis=1) - common
    near = np.quantile(nearest, 0.97, method="weibull")
    options = SearchOptions(limit=113)
    for row in (int(common.argmin()), int(common.argmax())):
        hits = find_similar(sample_gallery, IdQuery(ids[row]), options=options).hits
        said = {h.score - common[row] for h in hits if h.verdict and h.verdict.word == "not near"}
        assert max(said) < near + 1e-3
        others = {h.score - common[row] for h in hits} - said
        assert min(others, default=1.0) >= near - 1e-3
    assert common.max() - common.min() > 0.1


def test_a_work_of_the_cohort_is_not_common_for_being_itself() -> None:
    cohort = read_cohort("builtin-v3")
    assert cohort is not None
    assert cohort.common(cohort.vectors).max() < 0.9
    assert cohort.common(cohort.vectors[:1] * 0) == pytest.approx(cohort.least)
    assert read_cohort("builtin-v1") is None


def test_a_scale_of_an_earlier_artsim_goes_by_the_cosine_until_it_is_measured_anew(
    sample: Path, changeable_home: Path
) -> None:
    with open_gallery(home=changeable_home) as gallery:
        paintings = gallery[PAINTINGS]
        name, right = next(iter(noted_scales(paintings.schema.notes).items()))
        old = {key: value for key, value in asdict(right).items() if key != "above"}
        paintings.add_vectors({}, {**paintings.schema.notes, "scales": {name: old}})
        before = noted_scales(paintings.schema.notes)[name]
        assert before == replace(right, above=())
        assert before.verdict(before.near, common=0.9).word != "not near"
        ingest_paintings(gallery, sample)
        assert noted_scales(paintings.schema.notes)[name] == right


@pytest.mark.parametrize("edit", ["as it is", "mirrored", "gray", "small"])
def test_the_same_picture_is_known_whatever_was_done_to_it(
    sample: Path, sample_gallery: Gallery, models: Models, edit: str
) -> None:
    picture = Image.open(sample / "images" / LUTE).convert("RGB")
    edited = {
        "as it is": picture,
        "mirrored": picture.transpose(Image.Transpose.FLIP_LEFT_RIGHT),
        "gray": picture.convert("L").convert("RGB"),
        "small": picture.resize((160, 180)),
    }[edit]
    hits = find_similar(sample_gallery, PixelsQuery(edited), models=models).hits
    first = hits[0].verdict
    assert first is not None
    assert (hits[0].painting_id, first.word) == ("met-437880", "same picture")
    assert first.mirrored == (edit == "mirrored")
    assert all(hit.verdict and hit.verdict.word != "same picture" for hit in hits[1:])
    by_id = hits[0].to_dict()
    assert (by_id["verdict"], by_id["mirrored"]) == ("same picture", edit == "mirrored")


@pytest.mark.parametrize("name", plain_no_paintings())
@pytest.mark.parametrize("suffix", [".png", ".jpg"])
def test_nothing_is_near_to_what_is_no_painting(
    sample_gallery: Gallery, models: Models, tmp_path: Path, name: str, suffix: str
) -> None:
    path = tmp_path / f"asked{suffix}"
    plain_no_paintings()[name].save(path)
    result = find_similar(sample_gallery, ImageQuery(path), models=models)
    assert {hit.verdict and hit.verdict.word for hit in result.hits} == {"not near"}
    assert any("nothing in this gallery looks like it" in note for note in result.notes)


def test_a_list_falls_off_at_its_largest_step(sample_gallery: Gallery) -> None:
    _, scale = scale_of(sample_gallery)
    ids = [str(p["painting_id"]) for p in read_vectors(sample_gallery[PAINTINGS], PIXELS).payloads]
    answers = {name: find_similar(sample_gallery, IdQuery(name)) for name in ids}
    after = {name: answer.falls_off for name, answer in answers.items() if answer.falls_off}
    assert 0 < len(after) < len(ids)
    for name, count in after.items():
        scores = [hit.score for hit in answers[name].hits]
        steps = -np.diff(scores)
        assert steps[count - 1] == steps.max() >= scale.gap
        assert answers[name].to_dict()["falls_off"] == count
    # Two portraits that belong together.
    assert after["met-459027"] == 1
    assert answers["met-459027"].hits[0].painting_id == "met-459028"


def test_only_a_list_in_order_of_nearness_falls_off(sample_gallery: Gallery) -> None:
    query = IdQuery("met-459027")
    for options in (SearchOptions(rerank="ssim"), SearchOptions(group_by="artist")):
        answer = find_similar(sample_gallery, query, options=options)
        assert answer.falls_off is None
        assert "falls_off" not in answer.to_dict()
    assert find_similar(sample_gallery, query, options=SearchOptions(**COPIES)).falls_off == 1


def test_copies_that_are_not_there_are_said_not_to_be(
    sample: Path, sample_gallery: Gallery, models: Models
) -> None:
    options = SearchOptions(**COPIES)
    alone = find_similar(sample_gallery, IdQuery("met-437880"), options=options)
    assert any("none of these is the same picture" in note for note in alone.notes)
    query = ImageQuery(sample / "images" / LUTE)
    there = find_similar(
        sample_gallery, query, options=replace(options, include_self=True), models=models
    )
    assert not any("same picture" in note for note in there.notes)


@pytest.mark.parametrize("name", plain_no_paintings())
def test_nothing_is_near_to_a_face_where_there_is_none(
    sample_gallery: Gallery, models: Models, name: str
) -> None:
    asked = PixelsQuery(plain_no_paintings()[name])
    options = SearchOptions(all_faces=True)
    try:
        hits = find_similar(sample_gallery, asked, options=options, kind=FACES, models=models).hits
    except NoFaceError:
        return
    assert {hit.verdict and hit.verdict.word for hit in hits} == {"not near"}


def test_verdicts_of_faces_are_by_the_faces_that_searches_show(sample_gallery: Gallery) -> None:
    hits = find_similar(sample_gallery, IdQuery("met-437388"), kind=FACES).hits
    assert hits
    assert all(hit.verdict is not None for hit in hits)
    faces = sample_gallery[FACES]
    scales = noted_scales(faces.schema.notes)
    assert set(scales) == set(sample_gallery.encoders(FACES))
    for name, scale in scales.items():
        table = read_vectors(faces, name, FACES.sure)
        assert scale.points == len(table) < faces.count()
        cosines = table.vectors @ table.vectors.T
        for field in ("painting_id", "artist_key"):
            of = np.array([str(payload.get(field)) for payload in table.payloads])
            cosines[of[:, None] == of] = -1.0
        nearest = np.quantile(cosines.max(axis=1), 0.97, method="weibull")
        assert scale.near == pytest.approx(nearest, abs=1e-3)


def test_scales_of_doubtful_faces_too_are_measured_anew(
    sample: Path, changeable_home: Path
) -> None:
    with open_gallery(home=changeable_home) as gallery:
        faces = gallery[FACES]
        name, right = next(iter(noted_scales(faces.schema.notes).items()))
        old = asdict(replace(right, points=faces.count(), strangers=(1.0,) * len(LEVELS)))
        faces.add_vectors({}, {**faces.schema.notes, "scales": {name: old}})
        ingest_paintings(gallery, sample)
        assert noted_scales(faces.schema.notes)[name] == right


def test_what_is_on_no_scale_has_no_verdict(sample_gallery: Gallery) -> None:
    query = ExamplesQuery((IdQuery("met-437880"), IdQuery("met-437881")))
    assert all(hit.verdict is None for hit in find_similar(sample_gallery, query).hits)


@pytest.mark.slow
def test_the_scale_is_measured_again_once_the_gallery_has_grown(
    sample: Path, tmp_path: Path
) -> None:
    pictures = sorted((sample / "images").iterdir())
    folder = tmp_path / "pictures"
    folder.mkdir()

    def ingest(count: int) -> Scale | None:
        for picture in pictures[:count]:
            shutil.copy(picture, folder)
        with open_gallery(home=tmp_path / "home") as gallery:
            ingest_paintings(gallery, folder, IngestOptions(faces=False))
            return noted_scales(gallery[PAINTINGS].schema.notes).get("builtin-v3")

    assert ingest(8) is None
    first = ingest(30)
    assert first is not None
    assert first.points == 30
    assert ingest(32) == first
    grown = ingest(40)
    assert grown is not None
    assert grown.points == 40


def test_a_copy_has_the_scale_of_what_it_was_made_from(
    sample_gallery: Gallery, tmp_path: Path
) -> None:
    with open_gallery(home=tmp_path) as copy:
        push_gallery(sample_gallery, copy)
        assert scale_of(copy) == scale_of(sample_gallery)


def test_only_the_same_picture_is_called_mirrored() -> None:
    same, alike = (Verdict(word, 99.9, 0.8, mirrored=True) for word in ("same picture", "near"))
    assert verdict_text(same) == "same picture, mirrored 99.900 %"
    assert verdict_text(alike) == "near 99.900 %"


def test_a_likelihood_is_what_two_bell_curves_say() -> None:
    """Of normal scores as wide the ratio is known: exp(3 z) three deviations apart, 0 midway."""
    rng = np.random.default_rng(1)
    whose = np.repeat(np.arange(40), 6)
    of_two = np.stack([rng.integers(0, 40, 3000), rng.integers(40, 400, 3000)], axis=1)
    same, others = rng.normal(0.93, 0.01, 240), rng.normal(0.9, 0.01, 3000)
    pairs = KnownPairs(same, whose, others, of_two, 500, "one artist")
    below, middle, above, beyond = pairs.likelihoods([0.905, 0.915, 0.925, 1.0])
    for found, right in ((below, np.exp(-3)), (middle, 1), (above, np.exp(3))):
        assert found.low <= right <= found.high
        assert found.ratio == pytest.approx(right, rel=0.5)
    assert beyond.ratio == beyond.others == 3000
    assert beyond.is_at_an_end
    assert not above.is_at_an_end
    assert above.as_near == (others >= 0.925).sum()
    assert above.by_chance == pytest.approx(500 * above.as_near / 3000)
    turned = KnownPairs(1 - same, whose, 1 - others, of_two, 500, "one artist")
    assert [said.ratio for said in turned.likelihoods([0.0, 0.5])] == [1.0, 1.0]


class Sitters(MadeUp):
    """Twelve people by one artist each, of whom four works have a face that is theirs."""

    def __init__(self, people: int = 12) -> None:
        super().__init__(count=90)
        rng = np.random.default_rng(3)
        self.people = people
        one = np.repeat(rng.normal(size=(people, DIM)), 4, axis=0)
        self.two[: 4 * people] = unit_rows(one + 0.3 * rng.normal(size=one.shape))

    def payload(self, i: int) -> dict[str, object]:
        found = super().payload(i) | {"artist": "Anna Ruysch", "artist_key": "anna ruysch"}
        is_known = i < 4 * self.people
        return found | {"extra": {"sitter": f"Sitter {chr(65 + i // 4)}"}} if is_known else found


@pytest.mark.slow
def test_a_likelihood_needs_thirty_pairs_of_ten_people(tmp_path: Path) -> None:
    with Sitters().fill(tmp_path / "many") as gallery:
        same = compare(gallery, IdQuery("p000"), IdQuery("p001"))
        other = compare(gallery, IdQuery("p000"), IdQuery("p004"))
    for found in (same, other):
        said = found.faces[0].likelihood
        assert said is not None
        # Of the two works' own sitters three or one pair is left.
        assert said.known == (10 * 6 + 2 * 3 if found is other else 11 * 6 + 1)
        assert (said.people, said.relation) == (12, "one artist")
        assert (said.ratio > 10) == (found is same)
        assert (said.ratio < 0.1) == (found is other)
    with Sitters(people=9).fill(tmp_path / "few") as gallery:
        refused = compare(gallery, IdQuery("p000"), IdQuery("p001"))
    assert refused.faces[0].likelihood is None
    assert refused.no_likelihood.startswith("49 pairs of portraits of one person, of 9 people")
