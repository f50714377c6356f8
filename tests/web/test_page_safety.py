"""What the page refuses: each point of its safety, against a real server on 127.0.0.1."""

from __future__ import annotations

import hashlib
import io
from pathlib import Path

import httpx
import pytest
from page_server import client_of, running
from PIL import Image

from artsim.catalog.kinds import PAINTINGS
from artsim.ingest.run import IngestOptions, ingest_paintings
from artsim.search.models import Models
from artsim.store.gallery import Gallery, open_gallery
from artsim.web.app import make_app
from artsim.web.guard import MAX_UPLOAD, Access

ONE = "met-437388"
THUMBNAIL = f"/api/v1/thumbnails/{PAINTINGS.point_id(ONE)}"


def refused(answer: httpx.Response, status: int) -> str:
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    problem = answer.json()
    assert problem["status"] == status
    assert "Traceback" not in answer.text
    return str(problem["detail"])


def picture(form: str = "PNG", size: tuple[int, int] = (60, 40)) -> bytes:
    stream = io.BytesIO()
    Image.effect_noise(size, 60).convert("RGB").save(stream, form)
    return stream.getvalue()


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example", "", "[::1"])
def test_only_names_of_this_machine_are_answered(page: httpx.Client, host: str) -> None:
    assert "not called" in refused(page.get("/", headers={"host": host}), 400)
    assert page.get("/", headers={"host": "localhost"}).status_code == 200


@pytest.mark.parametrize(
    "headers",
    [{"origin": "http://evil.example"}, {"sec-fetch-site": "cross-site"}, {"origin": "null"}],
    ids=str,
)
def test_other_sites_send_nothing(page: httpx.Client, headers: dict[str, str]) -> None:
    question = {"query": {"id": ONE}}
    refused(page.post("/api/v1/query", json=question, headers=headers), 403)
    own = {"origin": str(page.base_url).rstrip("/"), "sec-fetch-site": "same-origin"}
    assert page.post("/api/v1/query", json=question, headers=own).status_code == 200


def test_other_sites_read_nothing_but_may_link(page: httpx.Client) -> None:
    elsewhere = {"sec-fetch-site": "cross-site"}
    refused(page.get(THUMBNAIL, headers={**elsewhere, "sec-fetch-mode": "no-cors"}), 403)
    assert page.get("/", headers={**elsewhere, "sec-fetch-mode": "navigate"}).status_code == 200


@pytest.mark.parametrize("path", ["/", THUMBNAIL, "/api/v1/galleries", "/nowhere"])
def test_every_answer_has_the_policy(page: httpx.Client, path: str) -> None:
    headers = page.get(path).headers
    policy = headers["content-security-policy"]
    for part in ("default-src 'self'", "script-src 'self'", "frame-ancestors 'none'"):
        assert part in policy
    assert "unsafe" not in policy
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["cross-origin-resource-policy"] == "same-origin"
    assert "access-control-allow-origin" not in headers
    assert "server" not in headers


def test_a_token_is_asked_for(locked: tuple[httpx.Client, Access]) -> None:
    client, access = locked
    assert "token" in refused(client.get("/api/v1/galleries"), 401)
    sign_in = client.get("/", headers={"accept": "text/html"})
    assert sign_in.status_code == 401
    assert 'name="token"' in sign_in.text
    wrong = {"authorization": "Bearer a token of forty characters, or so, at al"}
    refused(client.get("/api/v1/galleries", headers=wrong), 401)
    right = {"authorization": f"Bearer {access.token}"}
    assert client.get("/api/v1/galleries", headers=right).status_code == 200


def test_a_link_lets_in_once(locked: tuple[httpx.Client, Access]) -> None:
    client, access = locked
    code = access.new_code()
    entered = client.get(f"/?code={code}")
    cookie = entered.headers["set-cookie"]
    assert entered.status_code == 303
    assert entered.headers["location"] == "/"
    assert "HttpOnly" in cookie
    assert "SameSite=strict" in cookie
    assert str(access.token) not in cookie
    assert client.get("/api/v1/galleries").status_code == 200
    client.cookies.clear()
    refused(client.get(f"/?code={code}"), 401)


def test_a_visitor_signs_in_by_the_token(locked: tuple[httpx.Client, Access]) -> None:
    client, access = locked
    assert "not the token" in client.post("/sign-in", data={"token": "nothing"}).text
    assert client.post("/sign-in", data={"token": access.token}).status_code == 303
    assert client.get("/").status_code == 200


def test_without_token_there_have_to_be_names() -> None:
    with pytest.raises(ValueError, match="token"):
        Access(None)


@pytest.fixture
def odd_gallery(tmp_path: Path) -> Gallery:
    """A gallery of two pictures, the one within its folder, the other a link to elsewhere."""
    inside, outside = tmp_path / "inside", tmp_path / "outside"
    inside.mkdir()
    outside.mkdir()
    exif = Image.Exif()
    exif[0x010E] = "a place that nobody should know"
    Image.open(io.BytesIO(picture())).save(inside / "own.jpg", exif=exif)
    (outside / "secret.png").write_bytes(picture())
    (inside / "linked.png").symlink_to(outside / "secret.png")
    titled = "file,title\nown.jpg,<img src=x onerror=alert(1)>\nlinked.png,=cmd\n"
    (inside / "metadata.csv").write_text(titled, encoding="utf-8")
    with open_gallery(home=tmp_path / "home") as gallery:
        summary = ingest_paintings(
            gallery, inside, IngestOptions(encoders=("handcrafted",), kinds=())
        )
        assert summary.counts.written == 2
    return open_gallery(home=tmp_path / "home")


def test_pictures_lie_where_they_were_ingested_from(odd_gallery: Gallery, tmp_path: Path) -> None:
    ids = [str(r.payload["painting_id"]) for r in odd_gallery[PAINTINGS].scroll()]
    paths = {i: f"/api/v1/thumbnails/{PAINTINGS.point_id(i)}" for i in ids}
    own, linked = (paths[next(i for i in ids if name in i)] for name in ("own", "linked"))
    with odd_gallery as gallery:
        app = make_app(gallery, tmp_path / "page")
        with running(app) as address, client_of(address) as client:
            assert client.get(own).status_code == 200
            said = refused(client.get(linked), 404)
            assert "outside the folders" in said
            assert str(tmp_path) not in said
            linked_id = next(i for i in ids if "linked" in i)
            part = {"query": {"id": linked_id, "region": "0,0,9,9"}}
            assert "outside" in refused(client.post("/api/v1/query", json=part), 404)
        # A folder that the user names counts instead.
        app = make_app(gallery, tmp_path / "page", folders=(tmp_path / "outside",))
        with running(app) as address, client_of(address) as client:
            assert client.get(linked).status_code == 200
            refused(client.get(own), 404)


def test_pictures_are_encoded_anew_and_metadata_is_no_markup(
    odd_gallery: Gallery, tmp_path: Path
) -> None:
    with (
        odd_gallery as gallery,
        running(make_app(gallery, tmp_path / "page")) as address,
        client_of(address) as client,
    ):
        listed = client.get("/api/v1/paintings").json()["points"]
        own = next(one for one in listed if "own" in one["painting_id"])
        for path in (
            f"/api/v1/thumbnails/{own['picture_id']}",
            f"/iiif/3/{own['picture_id']}/full/max/0/default.jpg",
        ):
            content = client.get(path).content
            assert b"nobody" not in content
            assert Image.open(io.BytesIO(content)).size == (60, 40)
        assert own["payload"]["title"] == "<img src=x onerror=alert(1)>"
        # Neither the page nor the record says where a file lies on this machine.
        record = client.get(f"/api/v1/paintings/{own['painting_id']}")
        for text in (record.text, client.get("/api/v1/galleries").text):
            assert str(tmp_path) not in text
        assert record.headers["content-type"] == "application/json"


@pytest.mark.parametrize(
    "path",
    [
        "/static/x/../../app.py",
        "/static/x/%2e%2e%2fapp.py",
        "/static/x/app.py",
        "/api/v1/thumbnails/../../etc/passwd",
        "/api/v1/uploads/..%2f..%2fetc/image",
        f"/api/v1/uploads/{'0' * 64}/image",
        "/iiif/3/file:%2F%2F%2Fetc%2Fpasswd/info.json",
        "/api/v1/paintings/..%2f..%2fetc%2fpasswd",
        f"{THUMBNAIL.rpartition('/')[0]}/{'0' * 8}-0000-0000-0000-{'0' * 12}",
    ],
)
def test_no_path_leads_out(page: httpx.Client, path: str) -> None:
    assert page.get(path).status_code in (404, 422)


def test_no_file_of_the_server_is_searched_by(page: httpx.Client, sample: Path) -> None:
    path = next(iter((sample / "images").iterdir()))
    for query in (
        {"image": {"path": str(path), "name": "a", "sha256": None}},
        {"upload": str(path)},
        {"like": [{"image": {"path": str(path), "name": "a", "sha256": None}}], "unlike": []},
    ):
        refused(page.post("/api/v1/query", json={"query": query}), 422)


def test_encoders_are_those_of_the_gallery(page: httpx.Client, shown: Gallery) -> None:
    """What else encoders can be called by would tell which files the server has."""
    there = "file:/etc/passwd", "onnx:/etc/passwd", "file:/nowhere", "timm:resnet18", "dinov2"
    (info, *_) = shown.encoders(PAINTINGS).values()
    for name in there:
        question = {"query": {"id": ONE}, "encoders": [name]}
        said = refused(page.post("/api/v1/query", json=question), 422)
        assert said == (
            f"encoders: the gallery has no vectors of {name!r}; it has: "
            f"{info.name} ({info.vector_name})"
        )
    for name in (info.name, info.short_name, info.spec, info.vector_name):
        question = {"query": {"id": ONE}, "encoders": [name]}
        assert page.post("/api/v1/query", json=question).status_code == 200


def send(page: httpx.Client, content: bytes, name: str = "a.png") -> httpx.Response:
    return page.post("/api/v1/uploads", files={"picture": (name, content)})


def test_uploads_are_capped_and_sniffed(page: httpx.Client) -> None:
    assert "at most" in refused(send(page, b"\0" * (MAX_UPLOAD + 100_000)), 413)
    for content in (
        b"",
        b"<svg xmlns='http://www.w3.org/2000/svg'/>",
        b"PK\3\4zip",
        picture()[:99],
    ):
        refused(send(page, content), 422)
    with client_of(page.base_url) as client:
        chunks = (b"\0" * 2**20 for _ in range((MAX_UPLOAD >> 20) + 2))
        headers = {"content-type": "multipart/form-data; boundary=x"}
        answer = client.post("/api/v1/uploads", content=chunks, headers=headers)
        assert answer.status_code in (400, 413)
    question = {"query": {"text": "a" * 2**20}}
    assert page.post("/api/v1/query", json=question).status_code == 413


def test_uploads_keep_the_limit_of_the_command(shown: Gallery, tmp_path: Path) -> None:
    app = make_app(shown, tmp_path, models=Models(max_megapixels=0.01))
    with running(app) as address, client_of(address) as client:
        assert "--max-megapixels" in send(client, picture(size=(200, 100))).text
        assert send(client, picture()).status_code == 201
        hit = client.get("/api/v1/paintings", params={"limit": 1}).json()["points"][0]
        shown_small = client.get(f"/api/v1/thumbnails/{hit['picture_id']}")
        assert "the limit is 0.01" in refused(shown_small, 404)


def test_an_upload_is_known_by_its_content_alone(page: httpx.Client) -> None:
    content = picture("JPEG")
    sent = send(page, content, "../../<b>girl</b>.jpg")
    assert sent.status_code == 201
    described = sent.json()
    assert described["id"] == hashlib.sha256(content).hexdigest()
    assert described["name"] == "b>.jpg"
    image = page.get(f"/api/v1/uploads/{described['id']}/image")
    assert image.headers["content-type"] == "image/webp"
    assert page.get(f"/api/v1/uploads/{described['id']}").json() == described


def test_errors_name_no_folder_of_the_server(page: httpx.Client) -> None:
    asked = {"query": {"id": "met-437880"}, "filters": {"people": ["Nobody"]}}
    said = refused(page.post("/api/v1/query", json=asked), 422)
    assert "people.csv: there is no file of names" in said
    assert "/" not in said
