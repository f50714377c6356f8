"""Nodes of a cluster that are killed while a gallery is written: nothing is lost or doubled."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from store_backends import NO_BINARY

from artsim.catalog.kinds import PAINTINGS
from artsim.store.gallery import open_gallery
from benchmarks.qdrant_nodes import Node, running
from benchmarks.speed.kills import find_differences

pytestmark = [NO_BINARY, pytest.mark.slow]

WORKS = 700
_DOWN_S = 4.0


@pytest.fixture(scope="module")
def nodes() -> Iterator[list[Node]]:
    with running(3) as started:
        yield started


@pytest.fixture(scope="module")
def undisturbed(pictures: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("undisturbed")
    command = ["ingest", str(pictures), "--no-faces", "--home", str(home), "--quiet"]
    subprocess.run([sys.executable, "-m", "artsim", *command], check=True)
    return home


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    if not os.environ.get("ARTSIM_TEST_DATA"):
        pytest.skip("ARTSIM_TEST_DATA is not set")
    folder = tmp_path_factory.mktemp("pictures")
    data = Path(os.environ["ARTSIM_TEST_DATA"]) / "paintings" / "images"
    for picture in sorted(data.iterdir())[:WORKS]:
        (folder / picture.name).symlink_to(picture)
    return folder


def address(nodes: list[Node]) -> str:
    return ",".join(node.url for node in nodes)


def kill_in_turn(nodes: list[Node], process: subprocess.Popen[bytes]) -> int:
    """Kill each node once, first the one that is asked first, and start it again; say how often."""
    kills = 0
    for node in nodes:
        if process.poll() is None:
            node.kill()
            kills += 1
            threading.Event().wait(_DOWN_S)
            node.start()
            threading.Event().wait(_DOWN_S)
    return kills


@pytest.mark.parametrize(("task", "replicas"), [("ingest", 2), ("push", 2), ("ingest", 3)])
def test_each_node_is_killed_in_turn(
    task: str, replicas: int, nodes: list[Node], pictures: Path, undisturbed: Path, tmp_path: Path
) -> None:
    name = f"{task}-{replicas}"
    command = {
        "ingest": [
            "ingest",
            str(pictures),
            "--no-faces",
            "--batch-size",
            "8",
            "--gallery",
            name,
        ],
        "push": ["push", "--home", str(undisturbed), "--to-gallery", name],
    }[task]
    where = "--to" if task == "push" else "--url"
    command += [
        "--shards",
        "6",
        "--replicas",
        str(replicas),
        *(part for node in nodes for part in (where, node.url)),
    ]
    said = tmp_path / "said"
    with said.open("w") as stream:
        process = subprocess.Popen([sys.executable, "-m", "artsim", *command], stderr=stream)
        kills = kill_in_turn(nodes, process)
        assert process.wait() == 0, said.read_text()
    assert kills
    with (
        open_gallery(home=undisturbed) as whole,
        open_gallery(url=address(nodes), name=name) as disturbed,
    ):
        assert disturbed[PAINTINGS].count() == WORKS
        assert find_differences(whole, disturbed) == []
