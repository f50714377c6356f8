"""`artsim serve` as a command: its port, its extra, its end."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import httpx
import pytest
from runner import ARTSIM, artsim, environment
from starlette.datastructures import Headers

from artsim.errors import ConfigError
from artsim.web.serving import bind, choose_access


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


@contextmanager
def served(home: Path) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """Run the command, and yield its process and address."""
    command = [*ARTSIM, "serve", "--no-browser", "--port", "0"]
    # A test run in the background ignores Ctrl-C, and what it starts would too.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with subprocess.Popen(
            command, env=environment(home), stderr=subprocess.PIPE, text=True
        ) as server:
            assert server.stderr is not None
            try:
                line = server.stderr.readline()
                assert line.startswith("The page is at http://"), line
                yield server, line.split()[4].rstrip(";")
            finally:
                server.kill()
    finally:
        signal.signal(signal.SIGINT, before)


def ended(server: subprocess.Popen[str]) -> tuple[int, str]:
    """End the command as one does, and return its exit code and last words."""
    os.kill(server.pid, signal.SIGINT)
    _, rest = server.communicate()
    return server.returncode, rest


def test_the_command_holds_the_gallery_and_ends_quietly(
    changeable_home: Path, sample: Path
) -> None:
    with served(changeable_home) as (server, address):
        assert httpx.get(f"{address}api/v1/galleries").status_code == 200
        for asked in (("list",), ("ingest", sample)):
            done = artsim(*asked, home=changeable_home)
            assert done.returncode == 1
            assert "another artsim process" in done.stderr
        assert ended(server) == (0, "")


@pytest.mark.slow
def test_what_was_read_in_when_the_server_was_killed_goes_on(tmp_path: Path, sample: Path) -> None:
    home = tmp_path / "home"
    with served(home) as (server, address):
        begun = {"origin": "folder", "folder": str(sample)}
        intake = httpx.post(f"{address}api/v1/intakes", json=begun).json()["id"]
        start = httpx.post(f"{address}api/v1/intakes/{intake}/start", json={"kinds": []})
        assert start.status_code == 200
        server.kill()
    with served(home) as (server, address):
        path = f"{address}api/v1/intakes/{intake}"
        assert httpx.get(path).json()["state"] == "interrupted"
        httpx.post(f"{path}/start")
        while (now := httpx.get(path).json())["state"] in ("waiting", "running"):
            time.sleep(0.1)
        assert (now["state"], now["done"]) == ("done", now["total"])
        assert ended(server) == (0, "")


def test_a_name_that_no_gallery_has_is_refused_where_there_are_others(sample_home: Path) -> None:
    done = artsim("serve", "--no-browser", "--gallery", "nowhere", home=sample_home)
    assert done.returncode == 1
    assert "there is: default gallery" in done.stderr


@pytest.mark.parametrize(
    ("environ", "said"),
    [
        ({"ARTSIM_WRITE_TOKEN": "short"}, "ARTSIM_WRITE_TOKEN has 5 characters"),
        ({"ARTSIM_TOKEN_FILE": "/nowhere"}, "ARTSIM_TOKEN_FILE: /nowhere cannot be read"),
        ({"ARTSIM_TOKEN": "a" * 20, "ARTSIM_WRITE_TOKEN": "a" * 20}, "are the same"),
    ],
)
def test_tokens_that_make_no_sense(
    environ: dict[str, str], said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(ConfigError, match=said):
        choose_access("127.0.0.1")


def test_who_may_do_what_by_host_and_tokens(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    nobody = Headers()
    assert choose_access("127.0.0.1").role(nobody) == "write"
    far = choose_access("0.0.0.0")
    assert far.role(nobody) == "nothing"
    assert far.token != far.write_token
    (tmp_path / "token").write_text("a token of its own kind\n", encoding="utf-8")
    monkeypatch.setenv("ARTSIM_WRITE_TOKEN_FILE", str(tmp_path / "token"))
    near = choose_access("localhost")
    assert near.role(nobody) == "read"
    assert near.role(Headers({"authorization": "Bearer a token of its own kind"})) == "write"
    monkeypatch.setenv("ARTSIM_TOKEN", "a token to read by")
    assert choose_access("localhost").role(nobody) == "nothing"


def test_answers_are_sent_at_once() -> None:
    """Asyncio leaves answers waiting, 40 ms each, on connections that it does not know as TCP."""
    with closing(bind("127.0.0.1", 0)) as listening:
        assert listening.proto == socket.IPPROTO_TCP
