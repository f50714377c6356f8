"""Every command under a strict mode works, or says what is not allowed."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from server_commands import COMMANDS, NOT_ALLOWED, Works, restrict
from store_backends import NO_BINARY

from benchmarks.qdrant_nodes import running

pytestmark = [NO_BINARY, pytest.mark.slow]


@pytest.fixture(scope="module")
def strict(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Works, str]]:
    works = Works.make(tmp_path_factory.mktemp("strict"))
    with running() as (node,):
        assert works.push([node.url]).code == 0
        restrict(node.url)
        yield works, node.url


@pytest.mark.parametrize("command", COMMANDS)
def test_it_works_or_says_why_not(command: str, strict: tuple[Works, str]) -> None:
    works, url = strict
    said = works.said(command, [url])
    assert "Traceback" not in said.error
    if reason := NOT_ALLOWED.get(command):
        assert (said.code, reason in said.error) == (1, True), said
    else:
        assert said.code == 0, said.error
