"""Requests that schemathesis makes of the API's own description: answers are as it says.

Some have real ids and questions put in, since made-up ones only find what is not there.
"""

from __future__ import annotations

import sys
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import hypothesis
import pytest
import schemathesis
from hypothesis import strategies as st
from page_server import client_of, running
from schemathesis import checks

import artsim
from artsim.catalog.kinds import KINDS
from artsim.search.models import Models
from artsim.store.gallery import Gallery
from artsim.web.app import make_app

KEPT_TO = (
    checks.not_a_server_error,
    *(check for check in checks.CHECKS.get_all() if check.__name__ in {
        "status_code_conformance",
        "content_type_conformance",
        "response_headers_conformance",
        "response_schema_conformance",
        "negative_data_rejection",
        "unsupported_method",
    }),
)  # fmt: skip
"""All but ``positive_data_acceptance``: what a gallery has no description can say."""

PAINTING, GIRLS = "met-437388", "met-438014"


class OpenedFiles:
    """Notes which files and folders are opened by other threads than the test's own."""

    def __init__(self) -> None:
        self.found: set[Path] = set()
        self._watching = False
        self._own = threading.get_ident()
        sys.addaudithook(self._note)  # which stays for ever, so that it has to be quick

    def _note(self, event: str, arguments: tuple[Any, ...]) -> None:
        if not self._watching or event not in ("open", "os.listdir", "os.scandir"):
            return
        if threading.get_ident() != self._own and isinstance(arguments[0], str | Path):
            self.found.add(Path(arguments[0]).absolute())

    def __enter__(self) -> OpenedFiles:
        self._watching = True
        return self

    def __exit__(self, *_: object) -> None:
        self._watching = False


@pytest.fixture(scope="module")
def served(
    shown: Gallery, models: Models, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[str]:
    """Address of a server to which visitors may add, too."""
    folder = tmp_path_factory.mktemp("fuzzed")
    app = make_app(shown, folder / "cache", home=folder / "home", models=models)
    with running(app) as address:
        yield address


@pytest.fixture(scope="module")
def real(served: str, sample: Path) -> dict[str, list[Any]]:
    """Values that the server knows, by the name of their parameter or field."""
    with client_of(served) as client:
        picture = next((sample / "images").glob(f"*{GIRLS}.jpg")).read_bytes()
        sent = client.post("/api/v1/uploads", files={"picture": ("a.jpg", picture)}).json()
        point = client.get("/api/v1/paintings", params={"limit": 1}).json()["points"][0]
        intake = client.post("/api/v1/intakes", json={"origin": "sent"}).json()
        by_id, by_upload = {"id": PAINTING}, {"upload": sent["id"]}
        # Libraries look around as they are imported, which is done before anything is watched.
        client.post("/api/v1/compare", json={"first": by_id, "second": by_upload})
    part = {"region": "10%,10%,50%,50%"}
    examples = {"like": [by_id, by_upload | part], "unlike": [{"id": GIRLS}]}
    return {
        "painting_id": [PAINTING, GIRLS],
        "upload_id": [sent["id"]],
        "picture_id": [point["picture_id"]],
        "intake_id": [intake["id"]],
        "region": ["full", "square", "10,10,100,100", "pct:0,0,50,50"],
        "size": ["max", "!90,90", "^max"],
        "rotation": ["0", "90", "!180"],
        "quality": ["default", "gray"],
        "form": ["jpg", "png", "webp"],
        "query": [by_id, by_upload, by_id | part, by_upload | part, examples],
        "kind": list(KINDS),
        "field": [["artist"], ["date", "style"]],
        "first": [by_id],
        "second": [by_upload, by_id | part],
        "year": ["1600..1700"],
        "gallery": [None],
        "selection": [f'{{"works": [{{"id": "{PAINTING}", "note": "a"}}]}}'],
    }


@st.composite
def requests(draw: st.DrawFn, operation: Any, real: dict[str, list[Any]]) -> Any:
    """Draw a request that the description allows, with some real values, or one that it forbids."""
    if draw(st.integers(0, 3)) == 0:
        return draw(operation.as_strategy(generation_mode=schemathesis.GenerationMode.NEGATIVE))
    request = draw(operation.as_strategy())
    for part in (request.path_parameters, request.query, request.body):
        if isinstance(part, dict):
            for name in set(part) & set(real):
                if draw(st.booleans()):
                    part[name] = draw(st.sampled_from(real[name]))
    return request


def fuzz(served: str, real: dict[str, list[Any]], examples: int) -> None:
    description = schemathesis.openapi.from_url(f"{served}/api/v1/openapi.json")
    for operation in (found.ok() for found in description.get_all_operations()):

        @hypothesis.settings(
            max_examples=examples,
            database=None,
            suppress_health_check=list(hypothesis.HealthCheck),
            phases=[hypothesis.Phase.generate],
        )
        @hypothesis.given(request=requests(operation, real))
        def is_as_described(request: Any) -> None:
            answer = request.call()
            assert b"Traceback" not in answer.content
            request.validate_response(answer, checks=list(KEPT_TO))

        is_as_described()


@pytest.mark.parametrize("examples", [3, pytest.param(100, marks=pytest.mark.slow)])
def test_answers_are_as_described_and_come_of_no_other_file(
    served: str,
    real: dict[str, list[Any]],
    sample: Path,
    fast_folder: Path,
    tmp_path_factory: pytest.TempPathFactory,
    examples: int,
) -> None:
    with OpenedFiles() as opened:
        fuzz(served, real, examples)
    python = {Path(sys.prefix), Path(sys.base_prefix), Path(artsim.__file__).parent}
    system = set(map(Path, ("/proc", "/sys", "/dev")))
    roots = python | system | {sample, fast_folder, tmp_path_factory.getbasetemp()}
    # Where large requests lie, without a name; and what an import lists.
    listed = {Path(tempfile.gettempdir()), *map(Path, sys.path)}
    elsewhere = [
        path
        for path in opened.found - listed
        if not any(path.is_relative_to(root) for root in roots)
    ]
    assert elsewhere == []
