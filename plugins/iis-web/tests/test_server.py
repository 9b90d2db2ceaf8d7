"""The API: what it answers, and what it refuses."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from iis_web.desk import Desk
from iis_web.photographs import open_files
from starlette.testclient import TestClient
from web_disks import TOKEN, Disks, draw_photograph, open_client, unpack, write_photograph

from iis_core import predict

CLICKS = [[20, 30, True], [50, 80, True], [22, 60, False]]


def put(client: TestClient, clicks: Any, number: int = 1, revision: int = 0, name: str = "", image: int = 0) -> Any:
    content = {"clicks": clicks, "name": name, "revision": revision}
    return client.put(f"api/images/{image}/objects/{number}", json=content)


def ask(client: TestClient, revision: int, model: int = 0, number: int = 1) -> Any:
    return client.get(f"api/images/0/objects/{number}/answer?model={model}&revision={revision}")


def test_the_page_and_its_files_are_served(client: TestClient) -> None:
    page = client.get("")
    assert page.status_code == 200
    assert page.headers["content-type"].startswith("text/html")
    assert "default-src 'none'" in page.headers["content-security-policy"]
    assert "unsafe" not in page.headers["content-security-policy"]
    for name, kind in (("main.js", "text/javascript"), ("style.css", "text/css"), ("icon.svg", "image/svg+xml")):
        assert client.get(name).headers["content-type"].startswith(kind)


def test_an_image_is_shown_as_the_model_sees_it(client: TestClient, photographs: Path) -> None:
    session = client.get("api/session").json()
    assert [image["name"] for image in session["images"]] == ["one", "two"]
    described = {"name": "one", "height": 90, "width": 120, "objects": [], "saved": True}
    assert client.get("api/images/0").json() == described
    picture = cv2.imdecode(np.frombuffer(client.get("api/images/0/picture").content, np.uint8), cv2.IMREAD_COLOR)
    np.testing.assert_array_equal(picture, cv2.imread(str(photographs / "one.png")))


def test_the_levels_of_an_answer_are_the_prediction(client: TestClient) -> None:
    revision = put(client, CLICKS).json()["revision"]
    levels = unpack(ask(client, revision))
    y = predict(Disks(), draw_photograph(), [(row, col, positive) for row, col, positive in CLICKS])
    np.testing.assert_array_equal(levels >= 128, y > 0.49)
    assert np.abs(levels / 255 - y).max() < 0.02


def test_an_image_is_encoded_once(client: TestClient, disks: Disks) -> None:
    assert client.get("api/images/0/encoded?model=0").json()["seconds"] >= 0
    revision = put(client, CLICKS).json()["revision"]
    ask(client, revision)
    put(client, CLICKS, number=2)
    client.get("api/images/0/encoded?model=0")
    assert disks.encoded == 1


def test_an_outdated_answer_is_not_given(client: TestClient, disks: Disks) -> None:
    first = put(client, CLICKS[:1]).json()["revision"]
    second = put(client, CLICKS[:2], revision=first).json()["revision"]
    assert ask(client, first).status_code == 409
    assert disks.calls == 0
    assert ask(client, second).status_code == 200
    assert put(client, CLICKS, revision=first).status_code == 409


def test_objects_are_named_and_removed(client: TestClient) -> None:
    revision = put(client, CLICKS, name="<script>alert(1)</script>").json()["revision"]
    (described,) = client.get("api/images/0").json()["objects"]
    assert described["name"] == "<script>alert(1)</script>"
    assert described["clicks"] == CLICKS
    assert client.delete(f"api/images/0/objects/1?revision={revision + 1}").status_code == 409
    assert client.delete(f"api/images/0/objects/1?revision={revision}").status_code == 200
    assert client.get("api/images/0").json()["objects"] == []


def test_masks_are_saved_once(client: TestClient, tmp_path: Path) -> None:
    put(client, CLICKS)
    put(client, CLICKS[2:], number=2)
    mask = tmp_path / "clicks" / "masks" / "one.png"
    assert not mask.exists()
    assert client.post("api/images/0/save").json() == {"saved": True}
    assert {*np.unique(cv2.imread(str(mask), cv2.IMREAD_UNCHANGED))} == {0, 1}
    assert client.get("api/images/0").json()["saved"]
    mask.unlink()
    client.post("api/images/0/save")
    assert not mask.exists()


def test_models_are_compared_blind_until_they_are_revealed(make_desk: Callable[..., Desk]) -> None:
    desk = make_desk(models=[Disks(), Disks()], is_blind=True)
    with open_client(desk) as client:
        assert client.get("api/session").json()["models"] == ["Model A", "Model B"]
        revision = put(client, CLICKS).json()["revision"]
        assert ask(client, revision, model=0).content == ask(client, revision, model=1).content
        assert ask(client, revision, model=2).status_code == 404
        assert client.post("api/reveal").json()["models"] == ["disks 0", "disks 1"]


def test_the_error_of_a_model_is_a_sentence(client: TestClient) -> None:
    clicks = [[3, 3, True], [0, 0, True]]
    revision = put(client, clicks).json()["revision"]
    answer = ask(client, revision)
    assert answer.status_code == 502
    assert answer.json() == {"error": "model disks: the corner brings bad luck"}
    revision = put(client, clicks[:1], revision=revision).json()["revision"]
    assert ask(client, revision).status_code == 200


def test_an_image_that_cannot_be_read_leaves_the_others(make_desk: Callable[..., Desk], photographs: Path) -> None:
    (photographs / "broken.png").write_bytes(b"\x89PNG no image")
    with open_client(make_desk(photographs=open_files([photographs]))) as client:
        answer = client.get("api/images/0")
        assert answer.status_code == 422
        assert "broken.png is not a readable image" in answer.json()["error"]
        assert client.get("api/images/1").status_code == 200


def test_a_decompression_bomb_is_refused(
    make_desk: Callable[..., Desk], photographs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("PIL.Image.MAX_IMAGE_PIXELS", 1000)
    with open_client(make_desk()) as client:
        assert "is too large" in client.get("api/images/0").json()["error"]


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"[]",
        b"\xff\xfe",
        b'{"clicks": NaN}',
        b"[" * 100_000,
        json.dumps({"clicks": "x", "name": "", "revision": 0}).encode(),
        json.dumps({"clicks": [[1]], "name": "", "revision": 0}).encode(),
        json.dumps({"clicks": [[1.5, 2, True]], "name": "", "revision": 0}).encode(),
        json.dumps({"clicks": [[1, 2, 1]], "name": "", "revision": 0}).encode(),
        json.dumps({"clicks": [[1, 1000, True]], "name": "", "revision": 0}).encode(),
        json.dumps({"clicks": [[[1], [], True]], "name": "", "revision": 0}).encode(),
        json.dumps({"clicks": [], "name": "a\nb", "revision": 0}).encode(),
        json.dumps({"clicks": [], "name": "x" * 81, "revision": 0}).encode(),
        json.dumps({"clicks": [], "name": None, "revision": 0}).encode(),
        json.dumps({"clicks": [], "name": "", "revision": -1}).encode(),
        json.dumps({"clicks": [], "name": "", "revision": True}).encode(),
        json.dumps({"clicks": [], "name": ""}).encode(),
    ],
)
def test_a_hostile_body_is_refused_with_a_sentence(client: TestClient, content: bytes) -> None:
    answer = client.put("api/images/0/objects/1", content=content)
    assert answer.status_code == 422
    assert answer.json()["error"]
    assert client.get("api/images/0").json()["objects"] == []


def test_a_body_that_is_too_large_is_refused(client: TestClient) -> None:
    def in_parts() -> Iterator[bytes]:
        for _ in range(3):
            yield b" " * (1 << 19)

    assert client.put("api/images/0/objects/1", content=b" " * (1 << 20) + b" ").status_code == 413
    assert client.put("api/images/0/objects/1", content=in_parts()).status_code == 413
    assert client.put("api/images/0/objects/1", content=b"", headers={"content-length": "x"}).status_code == 413


@pytest.mark.parametrize(
    "path",
    [
        "api/images/2",
        "api/images/-1",
        "api/images/99999999999999999999",
        "api/images/..%2f..%2fetc%2fpasswd",
        "api/images/%2fetc%2fpasswd/picture",
        "api/images/0/objects/1/answer?model=x&revision=0",
        "api/images/0/encoded?model=-1",
        "api/unknown",
        "../secret",
        "..%2f..%2fpyproject.toml",
        "%2e%2e/app.py",
        "__init__.py",
        "style.css%00",
        "//etc/passwd",
    ],
)
def test_a_path_that_is_none_of_the_page_leads_nowhere(client: TestClient, path: str) -> None:
    answer = client.get(f"http://127.0.0.1:1234/{TOKEN}/{path}")
    assert answer.status_code in (403, 404)
    assert answer.json()["error"]


@pytest.mark.parametrize("number", [0, 256, 10**12])
def test_an_object_has_a_number_of_an_object(client: TestClient, number: int) -> None:
    assert put(client, CLICKS, number=number).status_code == 422


@pytest.mark.parametrize(
    ("path", "headers", "status"),
    [
        ("/", {}, 403),
        ("/wrong-token/", {}, 403),
        ("/wrong-token/api/session", {}, 403),
        (f"/{TOKEN}x/api/session", {}, 403),
        ("/\u00e4/api/session", {}, 403),
        (f"/{TOKEN}/api/session", {"host": "evil.example:1234"}, 400),
        (f"/{TOKEN}/api/session", {"host": "127.0.0.1.evil.example"}, 400),
        (f"/{TOKEN}/api/session", {"host": "[::1"}, 400),
        (f"/{TOKEN}/api/session", {"host": ""}, 400),
        (f"/{TOKEN}/api/session", {"origin": "http://["}, 403),
        (f"/{TOKEN}/api/session", {"origin": "http://evil.example"}, 403),
        (f"/{TOKEN}/api/session", {"origin": "null"}, 403),
        (f"/{TOKEN}/api/session", {"origin": "http://127.0.0.1:9999"}, 403),
        (f"/{TOKEN}/api/session", {"sec-fetch-site": "cross-site", "sec-fetch-mode": "no-cors"}, 403),
        (f"/{TOKEN}/api/session", {"origin": "http://127.0.0.1:1234", "sec-fetch-site": "same-origin"}, 200),
        (f"/{TOKEN}/", {"sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate"}, 200),
        (f"/{TOKEN}/api/session", {"host": "localhost:1234"}, 200),
        (f"/{TOKEN}/api/session", {"host": "[::1]:1234"}, 200),
    ],
)
def test_only_the_own_page_comes_in(desk: Desk, path: str, headers: dict[str, str], status: int) -> None:
    with open_client(desk, "http://127.0.0.1:1234") as client:
        answer = client.get(path, headers=headers)
        assert answer.status_code == status
        assert (status == 200) != ("error" in answer.text)


def test_a_link_out_of_the_folder_is_passed_over(photographs: Path, tmp_path: Path) -> None:
    outside = write_photograph(tmp_path / "outside" / "secret.png", draw_photograph())
    (photographs / "link.png").symlink_to(outside)
    (photographs / "inside.png").symlink_to(photographs / "one.png")
    assert [each.id for each in open_files([photographs])] == ["inside", "one", "two"]


def test_a_defect_of_ours_is_told_without_what_is_inside(
    make_desk: Callable[..., Desk], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    desk = make_desk()

    async def fail(place: int) -> None:
        raise RuntimeError("a secret")

    monkeypatch.setattr(desk, "read", fail)
    with open_client(desk) as client:
        answer = client.get("api/images/0")
    assert answer.status_code == 500
    assert answer.json() == {"error": "RuntimeError: the terminal of `iis click` says more"}
    assert "a secret" in capsys.readouterr().err
