"""What `artsim info` shows where not all is well."""

from __future__ import annotations

import json
import os
import threading
from pathlib import Path
from typing import Any

import pytest
from fake_server import Handler, serving
from small_gallery import make, nested, shard_of, write_past_the_checks
from typer.testing import CliRunner

from artsim.catalog.kinds import FACES, PAINTINGS, Kind
from artsim.cli import app
from artsim.errors import StoreLockedError
from artsim.store.gallery import open_gallery


def run(home: Path, *arguments: str) -> Any:
    return CliRunner().invoke(app, ["info", "--home", str(home), *arguments])


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    # Every index has files of its own, which take most of the time of these tests.
    monkeypatch.setattr(Kind, "indexes", {"painting_id": "keyword"})
    make(tmp_path / "home")
    make(tmp_path / "home", "nga")
    return tmp_path / "home"


def by_name(described: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {c["name"]: c for g in described["galleries"] for c in g["collections"]}


def test_a_damaged_gallery_does_not_hide_the_others(home: Path) -> None:
    write_past_the_checks(shard_of(home), {"painting_id": "deep", "x": nested(123)})
    ran = run(home)
    assert ran.exit_code == 1
    assert "damaged" in ran.stdout
    assert "nga_paintings" in ran.stdout
    assert ran.stdout.count("30") >= 3
    assert "artsim repair" in ran.stderr
    found = run(home, "--format", "json")
    assert found.exit_code == 1
    collections = by_name(json.loads(found.stdout))
    broken = collections.pop("paintings")["error"]
    assert broken["kind"] == "StoreDamagedError"
    assert broken["hint"] == "artsim repair"
    assert "RecursionLimitExceeded" in broken["message"]
    assert {c["points"] for c in collections.values()} == {30}
    alone = run(home, "-g", "nga")
    assert alone.exit_code == 0
    assert "damaged" not in alone.output


def test_payloads_that_cannot_be_read_are_damage(home: Path) -> None:
    (page,) = shard_of(home).rglob("payload_storage/page_0.dat")
    os.truncate(page, 100)
    ran = run(home)
    assert ran.exit_code == 1
    assert "damaged" in ran.stdout


def test_one_in_use_does_not_hide_the_others(home: Path) -> None:
    with open_gallery(home=home, name="nga") as gallery:
        _ = gallery[PAINTINGS]
        ran = run(home)
        assert ran.exit_code == 0
        assert "in use" in ran.stdout
        assert ran.stdout.count("30") >= 3
        assert run(home, "-g", "nga").exit_code == 0  # its faces are not in use
        _ = gallery[FACES]
        ran = run(home, "-g", "nga")
        assert ran.exit_code == 1
        assert "--wait SECONDS" in ran.stderr


def test_only_the_gallery_that_was_named(home: Path) -> None:
    ran = run(home, "-g", "nga")
    assert ran.exit_code == 0
    assert "(default)" not in ran.stdout
    missing = run(home, "-g", "nosuch")
    assert missing.exit_code == 1
    assert "no gallery 'nosuch'; there is: default gallery, gallery 'nga'" in missing.stderr


def test_when_it_was_last_written(home: Path) -> None:
    def written() -> str:
        return by_name(json.loads(run(home, "-f", "json").stdout))["paintings"]["written"]

    log = next((shard_of(home) / "wal").glob("open-*"))
    first = written()
    assert first.endswith("Z")
    with open_gallery(home=home) as gallery:
        list(gallery[PAINTINGS].scroll())
    assert written() == first  # reading is no writing
    assert log.exists()


def test_a_damaged_gallery_can_be_deleted(home: Path) -> None:
    (home / "collections" / "paintings" / "collection.json").write_bytes(b"")
    ran = CliRunner().invoke(app, ["delete", "--all", "--yes", "--home", str(home)])
    assert ran.exit_code == 0, ran.output
    assert "Deleted the damaged gallery" in ran.output
    assert list(by_name(json.loads(run(home, "-f", "json").stdout))) == [
        "nga_paintings",
        "nga_faces",
    ]


class TestServers:
    def ran(self, version: str, collections: list[str], *arguments: str) -> Any:
        def script(handler: Handler) -> None:
            if handler.path == "/":
                handler.say(200, {"title": "qdrant", "version": version})
            else:
                named = [{"name": name} for name in collections]
                handler.say(200, {"result": {"collections": named}, "status": "ok", "time": 0.0})

        with serving(script) as server:
            return CliRunner().invoke(app, ["info", "--url", server.url, *arguments])

    def test_one_that_is_too_old(self) -> None:
        ran = self.ran("0.9.1", [])
        assert ran.exit_code == 1
        assert "runs Qdrant 0.9; expected 1.16 or newer" in ran.stderr

    def test_collections_of_others(self) -> None:
        ran = self.ran("1.17.0", ["docs", "mails"])
        assert ran.exit_code == 0
        assert "No galleries yet." in ran.stdout
        assert "not artsim's: docs, mails" in ran.stdout
        found = json.loads(self.ran("1.17.0", ["docs"], "-f", "json").stdout)
        assert (found["galleries"], found["other_collections"]) == ([], ["docs"])


class TestWaiting:
    def test_it_waits_for_the_other(
        self, home: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("artsim.store.data_folder._SAID_AFTER", 0.0)
        monkeypatch.setattr("artsim.store.data_folder._PAUSE", 0.01)
        said = threading.Event()
        monkeypatch.setattr("artsim.store.data_folder._log.warning", lambda *_: said.set())
        other = open_gallery(home=home)
        _ = other[PAINTINGS]
        releasing = threading.Thread(target=lambda: (said.wait(60), other.close()))
        releasing.start()
        with open_gallery(home=home, wait=60) as gallery:
            assert gallery[PAINTINGS].count() == 30
        releasing.join()
        assert said.is_set()

    def test_not_for_ever(self, home: Path) -> None:
        with open_gallery(home=home) as other:
            _ = other[PAINTINGS]
            with (
                open_gallery(home=home, wait=0.05) as gallery,
                pytest.raises(StoreLockedError, match=r"after 0\.05 s of waiting"),
            ):
                _ = gallery[PAINTINGS]
            shown = CliRunner().invoke(
                app, ["show", "p00", "--home", str(home)], env={"ARTSIM_WAIT": "0.06"}
            )
            assert "after 0.06 s of waiting" in shown.output

    def test_the_environment_says_how_long(self, monkeypatch: pytest.MonkeyPatch) -> None:
        from artsim.config import load_settings
        from artsim.errors import ConfigError

        assert load_settings({"ARTSIM_WAIT": "2.5"}).wait == 2.5
        for wrong in ("soon", "-1", "nan"):
            with pytest.raises(ConfigError, match="expected a number of seconds"):
                load_settings({"ARTSIM_WAIT": wrong})
