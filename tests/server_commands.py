"""What each command says of a server in strict mode, or of a cluster that lost two of three nodes.

`PYTHONPATH=. python tests/server_commands.py strict|lost` prints it as the table in
docs/servers.md, with ARTSIM_TEST_QDRANT_BINARY naming Qdrant's program.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

from qdrant_client import QdrantClient

from artsim.ingest.sample import make_sample
from benchmarks.qdrant_nodes import running

STRICT = {
    "enabled": True,
    "max_query_limit": 50,
    "search_allow_exact": False,
    "unindexed_filtering_retrieve": False,
    "unindexed_filtering_update": False,
    "search_max_hnsw_ef": 128,
    "search_max_oversampling": 2.0,
}

ASKED = ["query", "--id", "{id}", "--limit", "55"]
COMMANDS = {
    "info": ["info"],
    "query --id": ASKED,
    "query FILE": ["query", "{picture}"],
    "query --rerank ssim": [*ASKED, "--rerank", "ssim"],
    "query --rerank rmse": [*ASKED, "--rerank", "rmse"],
    "query --style, --year, --not": [
        *(*ASKED, "--style", "Baroque", "--year", "1500..1900"),
        *("--not", "artist=Rembrandt"),
    ],
    "query --exact": [*ASKED, "--exact"],
    "query --where extra.…": [*ASKED, "--where", "extra.room=3"],
    "list": ["list"],
    "facets": ["facets", "style"],
    "export": ["export", "--vectors", "--output", "{out}/export.jsonl"],
    "map": ["map", "--out", "{out}/map.html"],
    "evaluate": ["evaluate", "labels", "--by", "style", "--out", "{out}/report"],
    "ingest": ["ingest", "{more}", "--no-faces"],
    "push": ["push"],
    "repair": ["repair"],
}
ONLY_STRICT = {
    "query --style, --year, --not",
    "query --exact",
    "query --where extra.…",
    "map",
    "evaluate",
}
NOT_ALLOWED = {"query --exact": "exact search", "query --where extra.…": "no filter on"}


class Said(NamedTuple):
    """How a command ended."""

    code: int
    error: str
    seconds: float


class Works(NamedTuple):
    """Pictures, a gallery of them that is embedded, and a folder with some pictures more."""

    folder: Path
    point: str
    picture: Path

    @classmethod
    def make(cls, folder: Path) -> Works:
        make_sample(folder / "sample", count=60)
        make_sample(folder / "more", count=64)
        made = run(
            ["ingest", str(folder / "sample"), "--no-faces"], ["--home", str(folder / "home")]
        )
        assert made.code == 0, made.error
        picture = min((folder / "sample" / "images").iterdir())
        return cls(folder, "-".join(picture.stem.split("-")[-2:]), picture)

    def push(self, addresses: Sequence[str], *layout: str) -> Said:
        to = [part for address in addresses for part in ("--to", address)]
        return run(["push", "--home", str(self.folder / "home"), *layout], to)

    def said(self, command: str, addresses: Sequence[str]) -> Said:
        if command == "push":
            return self.push(addresses)
        out = self.folder / f"out {command}".replace(" ", "-")
        out.mkdir(exist_ok=True)
        more = self.folder / "more"
        words = [
            word.format(id=self.point, picture=self.picture, out=out, more=more)
            for word in COMMANDS[command]
        ]
        return run(words, [part for address in addresses for part in ("--url", address)])


def run(words: Sequence[str], where: Sequence[str]) -> Said:
    began = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-m", "artsim", *words, *where],
        capture_output=True,
        text=True,
        env={**os.environ, "COLUMNS": "400"},
    )
    return Said(done.returncode, done.stderr.strip(), time.monotonic() - began)


def restrict(address: str) -> None:
    """Put the server's collections under a strict mode."""
    client = QdrantClient(address, check_compatibility=False)
    for found in client.get_collections().collections:
        client.update_collection(found.name, strict_mode_config=STRICT)
    client.close()


def main(state: str) -> None:
    with tempfile.TemporaryDirectory() as made, running(1 if state == "strict" else 3) as nodes:
        works = Works.make(Path(made))
        addresses = [node.url for node in nodes]
        pushed = works.push(addresses, *(["--shards", "6", "--replicas", "2"] * (len(nodes) > 1)))
        assert pushed.code == 0, pushed.error
        commands = [c for c in COMMANDS if state == "strict" or c not in ONLY_STRICT]
        if state == "strict":
            restrict(addresses[0])
        for node in nodes[1:]:
            node.kill()
        with ThreadPoolExecutor(4) as pool:
            said = list(pool.map(lambda command: works.said(command, addresses), commands))
        lines = ["| command | exit code | after s | standard error |", "| --- | --- | --- | --- |"]
        for command, (code, error, seconds) in zip(commands, said, strict=True):
            text = error.replace(made, "…").replace("\n", "<br>").replace("|", "\\|")
            lines.append(f"| `{command}` | {code} | {seconds:.0f} | {text} |")
    sys.stdout.write("\n".join(lines) + "\n")


if __name__ == "__main__":
    main(sys.argv[1])
