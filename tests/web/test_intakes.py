"""Galleries that are begun and added to by the API: columns, jobs, and where files may go."""

from __future__ import annotations

import io
import time
from collections.abc import Iterator
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import httpx
import pytest
from page_server import client_of, running
from PIL import Image

from artsim.catalog.kinds import PAINTINGS
from artsim.errors import SourceError
from artsim.search.models import Models
from artsim.store.gallery import Gallery, open_gallery
from artsim.web.app import make_app
from artsim.web.begin import safe_path
from artsim.web.guard import MAX_FILE, Access
from artsim.web.serving import CACHE

READ, WRITE = "a token to read by, long enough", "a token to write by, long enough"
LIST = "Werk,Schöpfer,Wann,Bild\n<img onerror=alert(1)>,Jan Maler,1642,a.png\nZwei,,um 1700,b.png\n"


def png(seed: int = 0, size: tuple[int, int] = (48, 40)) -> bytes:
    image = Image.effect_mandelbrot(size, (-2.0, -1.5 + seed / 99, 1.0, 1.5), 60).convert("RGB")
    stream = io.BytesIO()
    image.save(stream, "PNG")
    return stream.getvalue()


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home"


@pytest.fixture
def empty(home: Path) -> Iterator[Gallery]:
    with open_gallery(home=home) as gallery:
        yield gallery


@pytest.fixture
def begun(empty: Gallery, home: Path) -> Iterator[httpx.Client]:
    """Client of a server that has no gallery yet."""
    app = make_app(empty, home / CACHE, home=home)
    with running(app) as address, client_of(address) as client:
        yield client


def refused(answer: httpx.Response, status: int) -> str:
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    return str(answer.json()["detail"])


def begin(client: httpx.Client, origin: str = "sent", **more: Any) -> str:
    answer = client.post("/api/v1/intakes", json={"origin": origin, **more})
    assert answer.status_code == 201, answer.text
    return f"/api/v1/intakes/{answer.json()['id']}"


def send(client: httpx.Client, intake: str, path: str, content: bytes) -> httpx.Response:
    return client.put(f"{intake}/files", params={"path": path}, content=content)


def look(client: httpx.Client, intake: str, **form: Any) -> dict[str, Any]:
    answer = client.post(f"{intake}/look", json=form)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def read_in(client: httpx.Client, intake: str, **form: Any) -> dict[str, Any]:
    """Start, and wait until it has ended."""
    answer = client.post(f"{intake}/start", json=form)
    assert answer.status_code == 200, answer.text
    return ended(client, intake)


def ended(client: httpx.Client, intake: str) -> dict[str, Any]:
    while True:
        found: dict[str, Any] = client.get(intake).json()
        if found["state"] not in ("waiting", "running", "stopping"):
            return found
        time.sleep(0.05)


def works(client: httpx.Client, **params: str) -> dict[str, Any]:
    listed = client.get("/api/v1/paintings", params=params).json()["points"]
    return {point["painting_id"]: point["payload"] for point in listed}


def test_pictures_and_a_list_become_a_gallery(begun: httpx.Client, home: Path) -> None:
    found = begun.get("/api/v1/galleries").json()
    assert (found["galleries"], found["may_write"], found["parts"][0]) == ([], True, "faces")
    intake = begin(begun)
    for name, content in (("a.png", png()), ("sub/b.png", png(3)), ("broken.png", b"no picture")):
        assert send(begun, intake, f"show/{name}", content).status_code == 200
    assert send(begun, intake, "show/list.csv", LIST.encode()).json()["path"] == "show/list.csv"

    seen = look(begun, intake)
    fields = {column["name"]: (column["field"], column["example"]) for column in seen["columns"]}
    assert fields["Bild"] == ("image", "a.png")
    assert fields["Schöpfer"] == ("", "Jan Maler")
    assert fields["Werk"] == ("", "<img onerror=alert(1)>")
    assert (seen["pictures"], seen["described"], seen["error"]) == (3, 2, "")

    columns = {"title": "Werk", "artist": "Schöpfer", "date_text": "Wann"}
    seen = look(begun, intake, metadata="show/list.csv", columns=columns)
    assert {c["name"]: c["field"] for c in seen["columns"]}["Wann"] == "date_text"
    assert (seen["works"][0]["artist"], seen["works"][0]["year_start"]) == ("Jan Maler", 1642)

    done = read_in(begun, intake, metadata="show/list.csv", columns=columns, kinds=[])
    assert (done["state"], done["counts"]["written"], done["failed"]) == ("done", 2, 1)
    assert begun.get(f"{intake}/problems").json()["problems"][0]["place"] == "show/broken.png"
    table = begun.get(f"{intake}/problems.csv")
    assert "show/broken.png" in table.text
    assert str(home) not in table.text
    shown = works(begun)
    assert shown["show/a.png"]["title"] == "<img onerror=alert(1)>"
    assert shown["show/sub/b.png"]["year_start"] < 1701
    point = PAINTINGS.point_id("show/a.png")
    assert begun.get(f"/api/v1/thumbnails/{point}").status_code == 200
    assert (home / "pictures" / "show" / "a.png").read_bytes() == png()
    assert "read in" in refused(begun.post(f"{intake}/start", json={}), 409)


def test_what_comes_again_is_known_and_nothing_is_replaced(begun: httpx.Client, home: Path) -> None:
    for content, new in ((png(), 1), (png(), 0), (png(5), 1)):
        intake = begin(begun)
        send(begun, intake, "a.png", content)
        send(begun, intake, "other.csv", b"file,title\na.png,One\n")
        done = read_in(begun, intake, kinds=[])
        assert (done["state"], done["counts"]["written"]) == ("done", new), done
    shown = works(begun)
    assert len(shown) == 2
    assert {payload["title"] for payload in shown.values()} == {"One"}
    (other,) = (name for name in shown if name != "a.png")
    assert (home / "pictures" / "a.png").read_bytes() == png()
    assert (home / "pictures" / other).read_bytes() == png(5)


@pytest.mark.slow
def test_a_folder_of_the_server_is_confirmed_first(begun: httpx.Client, tmp_path: Path) -> None:
    folder = tmp_path / "shelf"
    folder.mkdir()
    (folder / "one.png").write_bytes(png(size=(300, 240)))
    (folder / "metadata.csv").write_text("file,title\none.png,One\n", encoding="utf-8")
    (tmp_path / "link").symlink_to(folder)
    for wrong in ("", "/nowhere/at/all", str(folder / "gone"), "a\0b"):
        assert "no folder" in refused(
            begun.post("/api/v1/intakes", json={"origin": "folder", "folder": wrong}), 422
        )
    whole = {"origin": "folder", "folder": folder.anchor}
    assert "whole disk" in refused(begun.post("/api/v1/intakes", json=whole), 422)
    intake = begin(begun, "folder", folder=f'"{tmp_path}/shelf/../link"', gallery="shelf")
    assert begun.get(intake).json()["place"] == str(folder.resolve())
    assert look(begun, intake)["pictures"] == 1
    for elsewhere in ("../secret.csv", "/etc/passwd", "one.png"):
        assert look_refused(begun, intake, elsewhere)
    refused(send(begun, intake, "b.png", png()), 409)
    assert "kinds: expected faces" in refused(
        begun.post(f"{intake}/start", json={"kinds": ["paintings"]}), 422
    )
    done = read_in(begun, intake, kinds=["details"])
    assert (done["state"], done["error"]) == ("done", "")
    assert works(begun, gallery="shelf")["one.png"]["title"] == "One"
    (gallery,) = begun.get("/api/v1/galleries").json()["galleries"]
    assert [kind["name"] for kind in gallery["kinds"]] == ["paintings", "details"]


def look_refused(client: httpx.Client, intake: str, metadata: str) -> bool:
    said = refused(client.post(f"{intake}/look", json={"metadata": metadata}), 422)
    return "no list" in said


def test_a_list_that_names_no_pictures_shows_its_columns(begun: httpx.Client) -> None:
    intake = begin(begun)
    send(begun, intake, "1.png", png())
    send(begun, intake, "list.csv", b"number,who\n1,Somebody\n")
    seen = look(begun, intake)
    assert (seen["metadata"], seen["pictures"], seen["described"]) == ("list.csv", 1, 0)
    assert [column["field"] for column in seen["columns"]] == ["", ""]
    seen = look(begun, intake, metadata="list.csv", columns={"image": "number", "artist": "who"})
    assert (seen["described"], seen["error"]) == (1, "")
    wrong = look(begun, intake, metadata="list.csv", columns={"artist": "who"})
    assert "no column of picture files" in wrong["error"]
    assert "/" not in wrong["error"].split(";")[0]


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("../../etc/cron.d/a.png", "etc/cron.d/a.png"),
        ("/absolute/a.png", "absolute/a.png"),
        ("C:\\Users\\me\\a.png", "C_/Users/me/a.png"),
        (".hidden/.a.png", "hidden/a.png"),
        ("a\x00b\n.png", "a_b_.png"),
        ("con.png", "_con.png"),
        ("x" * 300 + ".jpeg", "x" * 115 + ".jpeg"),
        ("u\u0308.png", "ü.png"),
        ("a/b/c/d/e/f/g/h/i/j.tif", "c/d/e/f/g/h/i/j.tif"),
        ("\u202egnp.png", "_gnp.png"),
    ],
)
def test_names_are_made_safe(given: str, kept: str) -> None:
    assert safe_path(given) == kept


@pytest.mark.parametrize("given", ["", "..", "/", ".png", "a.svg", "run.sh", "a"])
def test_what_is_no_picture_and_no_list_is_refused(given: str) -> None:
    with pytest.raises(SourceError, match="neither a picture nor a list"):
        safe_path(given)


def test_files_stay_in_their_folder(begun: httpx.Client, home: Path, tmp_path: Path) -> None:
    intake = begin(begun)
    sent = send(begun, intake, "../../../escaped.png", png())
    assert sent.json()["path"] == "escaped.png"
    (home / "pictures" / "out").symlink_to(tmp_path)
    assert "leads elsewhere" in refused(send(begun, intake, "out/a.png", png()), 422)
    refused(send(begun, intake, "a.exe", b"MZ"), 422)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["home"]
    large = HTTPConnection(begun.base_url.host, begun.base_url.port)
    large.putrequest("PUT", f"{intake}/files?path=a.png")
    large.putheader("content-length", str(MAX_FILE + 1))
    large.endheaders()
    assert large.getresponse().status == 413
    large.close()
    # What was sent and never read in goes with the intake, and nothing else.
    (home / "pictures" / "own.png").write_bytes(png(1))
    assert begun.delete(intake).status_code == 204
    refused(begun.get(intake), 404)
    assert [path.name for path in (home / "pictures").glob("*.png")] == ["own.png"]


def test_it_is_stopped_and_goes_on_also_after_a_restart(
    begun: httpx.Client, empty: Gallery, home: Path, tmp_path: Path
) -> None:
    first, second = begin(begun), begin(begun)
    for i in range(40):
        send(begun, first, f"{i}.png", png(i, (200, 200)))
    send(begun, second, "last.png", png(99))
    begun.post(f"{first}/start", json={"kinds": []})
    waiting = begun.post(f"{second}/start", json={"kinds": []}).json()
    assert (waiting["state"], waiting["ahead"]) == ("waiting", 1)
    assert begun.post(f"{second}/stop").json()["state"] == "stopped"
    refused(begun.post(f"{first}/start", json={}), 409)
    refused(begun.delete(first), 409)
    while begun.get(first).json()["state"] == "waiting":
        time.sleep(0.01)
    assert begun.post(f"{first}/stop").json()["state"] == "stopping"
    stopped = ended(begun, first)
    assert stopped["state"] == "stopped"
    assert stopped["counts"]["written"] < 40

    # Another server takes up what this one was ended at.
    begun.post(f"{first}/start")
    app = make_app(empty, home / CACHE, home=home)
    with running(app) as address, client_of(address) as client:
        assert client.get(first).json()["state"] == "interrupted"
        begun.post(f"{first}/stop")
        ended(begun, first)
        client.post(f"{first}/start")
        done = ended(client, first)
        assert done["state"] == "done"
        assert done["done"] == done["total"] == 40
        assert client.get("/api/v1/paintings").json()["total"] == 40


def test_a_named_gallery_is_the_only_one_and_the_limit_of_the_command_holds(home: Path) -> None:
    with open_gallery(home=home, name="mine") as gallery:
        models = Models(max_megapixels=0.01)
        app = make_app(gallery, home / CACHE, home=home, others=False, models=models)
        with running(app) as address, client_of(address) as client:
            other = {"origin": "sent", "gallery": "other"}
            assert "only mine" in refused(client.post("/api/v1/intakes", json=other), 422)
            intake = begin(client)
            for name, size in (("a.png", (48, 40)), ("large.png", (200, 200))):
                send(client, intake, name, png(size=size))
            done = read_in(client, intake, kinds=[])
            assert (done["gallery"], done["counts"]["written"], done["failed"]) == ("mine", 1, 1)
            assert (home / "mine_pictures" / "a.png").is_file()
            assert list(works(client)) == ["a.png"]


def test_who_may_read_may_not_write(empty: Gallery, home: Path, tmp_path: Path) -> None:
    access = Access(None, READ, WRITE)
    app = make_app(empty, home / CACHE, home=home, access=access)
    with running(app) as address:
        nobody, reader, writer = (
            client_of(address, headers=headers)
            for headers in ({}, *({"authorization": f"Bearer {t}"} for t in (READ, WRITE)))
        )
        with nobody, reader, writer:
            refused(nobody.get("/api/v1/intakes"), 401)
            assert reader.get("/api/v1/galleries").json()["may_write"] is False
            assert writer.get("/api/v1/galleries").json()["may_write"] is True
            intake = begin(writer)
            for method, path in (
                ("GET", "/api/v1/intakes"),
                ("POST", "/api/v1/intakes"),
                ("GET", intake),
                ("DELETE", intake),
                ("PUT", f"{intake}/files?path=a.png"),
                ("POST", f"{intake}/look"),
                ("POST", f"{intake}/start"),
                ("POST", f"{intake}/stop"),
                ("GET", f"{intake}/problems"),
                ("GET", f"{intake}/problems.csv"),
            ):
                refused(reader.request(method, path, json={"origin": "sample"}), 403)
            # A link for writing, once; and from another site nothing.
            entered = nobody.get(f"/?code={access.new_code('write')}")
            assert entered.status_code == 303
            assert nobody.get("/api/v1/galleries").json()["may_write"] is True
            elsewhere = {"origin": "http://evil.example"}
            refused(nobody.request("DELETE", intake, headers=elsewhere), 403)
            nobody.cookies.clear()
            nobody.post("/sign-in", data={"token": READ})
            assert nobody.get("/api/v1/galleries").json()["may_write"] is False
            assert 'name="token"' in nobody.get("/sign-in", headers={"accept": "text/html"}).text
            nobody.post("/sign-in", data={"token": WRITE})
            assert nobody.get("/api/v1/galleries").json()["may_write"] is True


def test_without_a_data_folder_nothing_is_added(empty: Gallery, tmp_path: Path) -> None:
    with (
        running(make_app(empty, tmp_path / "page")) as address,
        client_of(address) as page,
    ):
        assert page.get("/api/v1/galleries").json()["may_write"] is False
        refused(page.post("/api/v1/intakes", json={"origin": "sample"}), 404)
