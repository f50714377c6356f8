"""A toy of each seam, put into its registry and nowhere else, works through the command line."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from artsim.cli import app
from artsim.search.neighbors import read_vectors
from artsim.search.rerank import PIXELS, RERANKERS, Reranker
from artsim.store.gallery import open_gallery


class MeanGray(Reranker):
    def scores(
        self, picture: Mapping[str, np.ndarray], rows: Mapping[str, np.ndarray]
    ) -> np.ndarray:
        return -np.abs(rows[PIXELS].mean(axis=1) - picture[PIXELS].mean())


@pytest.fixture
def mean_gray(monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setitem(RERANKERS, "gray", MeanGray("gray"))
    return "gray"


def test_a_reranker_is_asked_for_by_its_name(mean_gray: str, sample_home: Path) -> None:
    with open_gallery(home=sample_home) as gallery:
        table = read_vectors(gallery.paintings, PIXELS)
    gray = dict(zip((p["painting_id"] for p in table.payloads), table.vectors.mean(1), strict=True))
    query = next(iter(gray))
    asked = ["query", "--id", query, "-k", "100", "--rerank", mean_gray, "--format", "json"]
    done = CliRunner().invoke(app, [*asked, "--home", str(sample_home)])
    assert done.exit_code == 0, done.output
    found = {hit["painting_id"]: hit["rerank_score"] for hit in json.loads(done.stdout)["hits"]}
    assert found == pytest.approx({i: -abs(gray[i] - gray[query]) for i in found})
    assert list(found) == sorted(found, key=lambda i: (-found[i], i))
    assert len(found) == len(gray) - 1
    refused = CliRunner().invoke(app, [*asked[:-3], "grey"])
    assert refused.exit_code == 2
    assert "'gray'" in refused.stderr
