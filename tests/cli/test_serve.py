"""`artsim serve` as a command: its port, its extra, its end."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import httpx
import pytest
from runner import ARTSIM, artsim, environment


def test_a_port_that_is_taken_is_one_line(sample_home: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = str(other.getsockname()[1])
        done = artsim("serve", "--no-browser", "--port", port, home=sample_home)
    assert done.returncode == 1
    assert done.stderr.strip().count("\n") == 0
    assert f"port {port} of 127.0.0.1 is taken" in done.stderr


def test_a_missing_extra_is_named(sample_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in sys.modules if name.startswith("artsim.web")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "fastapi", None)
    done = artsim("serve", "--no-browser", home=sample_home)
    assert done.returncode == 1
    assert "pip install 'artsim[web]'" in done.stderr


def test_the_command_holds_the_gallery_and_ends_quietly(
    changeable_home: Path, sample: Path
) -> None:
    command = [*ARTSIM, "serve", "--no-browser", "--port", "0"]
    # A test run in the background ignores Ctrl-C, and what it starts would too.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with subprocess.Popen(
            command, env=environment(changeable_home), stderr=subprocess.PIPE, text=True
        ) as server:
            assert server.stderr is not None
            line = server.stderr.readline()
            address = line.split()[4].rstrip(";")
            assert httpx.get(f"{address}api/v1/galleries").status_code == 200
            for asked in (("list",), ("ingest", sample)):
                done = artsim(*asked, home=changeable_home)
                assert done.returncode == 1
                assert "another artsim process" in done.stderr
            os.kill(server.pid, signal.SIGINT)
            rest = server.stderr.read()
        assert (server.returncode, rest) == (0, "")
    finally:
        signal.signal(signal.SIGINT, before)
