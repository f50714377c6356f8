"""Qdrant nodes of one's own, run by the program that ARTSIM_TEST_QDRANT_BINARY names."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

BINARY = os.environ.get("ARTSIM_TEST_QDRANT_BINARY")
_STARTING_S = 180.0  # a node that was killed first takes over what it missed


class Node:
    """One node, on ports of its own of 127.0.0.1; killed and started again, it has its data."""

    def __init__(self, folder: Path, first: Node | None, *, alone: bool) -> None:
        self.folder, self.first, self.alone = folder, first, alone
        self.port, self.grpc, self.p2p = _free_ports(3)
        self.process: subprocess.Popen[bytes] | None = None
        folder.mkdir()

    @property
    def url(self) -> str:
        """The address that clients speak to."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def _peer(self) -> str:
        return f"http://127.0.0.1:{self.p2p}"

    def start(self) -> None:
        """Run the node, and wait until it is ready."""
        settings = {
            "QDRANT__TELEMETRY_DISABLED": "true",
            "QDRANT__LOG_LEVEL": "WARN",
            "QDRANT__SERVICE__HOST": "127.0.0.1",
            "QDRANT__SERVICE__HTTP_PORT": str(self.port),
            "QDRANT__SERVICE__GRPC_PORT": str(self.grpc),
            "QDRANT__CLUSTER__ENABLED": str(not self.alone).lower(),
            "QDRANT__CLUSTER__P2P__PORT": str(self.p2p),
            "QDRANT__STORAGE__STORAGE_PATH": str(self.folder / "storage"),
            "QDRANT__STORAGE__SNAPSHOTS_PATH": str(self.folder / "snapshots"),
        }
        uris = [] if self.alone else ["--uri", self._peer]
        if self.first is not None:
            uris += ["--bootstrap", self.first._peer]
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(
                [str(BINARY), "--disable-telemetry", *uris],
                cwd=self.folder,
                env={**os.environ, **settings},
                stdout=log,
                stderr=log,
                start_new_session=True,  # a Ctrl-C is for the tests, which then end it
            )
        self._wait("/readyz")

    def kill(self) -> None:
        """End the node at once, as if its machine had failed."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None

    def peers(self) -> int:
        """Return how many nodes it knows of, itself among them."""
        with urllib.request.urlopen(f"{self.url}/cluster", timeout=5) as answer:
            return len(json.load(answer)["result"]["peers"])

    def _wait(self, path: str) -> None:
        end = time.monotonic() + _STARTING_S
        while time.monotonic() < end:
            try:
                with urllib.request.urlopen(self.url + path, timeout=5):
                    return
            except OSError:
                time.sleep(0.05)
        log = (self.folder / "log").read_text(errors="replace")
        raise RuntimeError(f"{BINARY} does not answer after {_STARTING_S:.0f} s:\n{log[-2000:]}")


@contextmanager
def running(count: int = 1) -> Iterator[list[Node]]:
    """Run a node alone, or a cluster of several; all are ended with the block."""
    with tempfile.TemporaryDirectory(prefix="artsim-qdrant-") as folder:
        nodes: list[Node] = []
        try:
            for number in range(count):
                first = nodes[0] if nodes else None
                nodes.append(Node(Path(folder) / str(number), first, alone=count == 1))
                nodes[-1].start()
            end = time.monotonic() + _STARTING_S
            while count > 1 and min(node.peers() for node in nodes) < count:
                if time.monotonic() > end:
                    raise RuntimeError("the nodes do not find each other")
                time.sleep(0.1)
            yield nodes
        finally:
            for node in nodes:
                node.kill()


def _free_ports(count: int) -> list[int]:
    with ExitStack() as bound:
        sockets = [bound.enter_context(socket.socket()) for _ in range(count)]
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]
