"""Nothing that was clicked is lost."""

from __future__ import annotations

from pathlib import Path

import pytest
from iis_web.session import ClickedObject, ConflictError, Session

from iis_core import UserError
from iis_core.types import SignedClick

CLICKS = (SignedClick(1, 2, True), SignedClick(3, 4, False))


def fill(folder: Path) -> Session:
    session = Session(folder, "here")
    session.open("a/b", (10, 20), [])
    first = session.put("a/b", ClickedObject(1, "cat", CLICKS))
    session.put("a/b", ClickedObject(2, "", CLICKS[:1]))
    session.put("a/b", ClickedObject(1, "cat", CLICKS[1:], revision=first.revision))
    return session


def test_a_session_goes_on_where_it_was_left(tmp_path: Path) -> None:
    fill(tmp_path).close()
    again = Session(tmp_path, "here")
    assert [(each.number, each.name, each.clicks) for each in again.objects("a/b")] == [
        (1, "cat", CLICKS[1:]),
        (2, "", CLICKS[:1]),
    ]
    assert not again.images["a/b"].is_saved
    again.mark_saved("a/b")
    again.close()
    last = Session(tmp_path, "here")
    assert last.images["a/b"].is_saved
    second = last.find("a/b", 2)
    assert second is not None
    last.remove("a/b", 2, second.revision)
    last.close()
    assert [each.number for each in Session(tmp_path, "here").objects("a/b")] == [1]


def test_a_line_that_a_kill_cut_short_is_dropped(tmp_path: Path) -> None:
    fill(tmp_path).close()
    with (tmp_path / "session.jsonl").open("ab") as file:
        file.write(b'{"image": "a/b", "sha')
    again = Session(tmp_path, "here")
    again.put("a/b", ClickedObject(3, "", CLICKS))
    again.close()
    assert len(Session(tmp_path, "here").objects("a/b")) == 3


@pytest.mark.parametrize(
    "line",
    [
        "{",
        "[]",
        '{"image": "a"}',
        '{"image": ["a"], "saved": true}',
        '{"image": "a", "number": 1, "shape": [5, 5], "name": "", "clicks": [[9, 0, true]], "start": null}',
        '{"image": "a", "number": 0, "shape": [5, 5], "name": "", "clicks": [], "start": null}',
        '{"image": "a", "number": 1, "shape": [5, 5], "name": 7, "clicks": [], "start": null}',
        '{"image": "a", "number": 1, "shape": [5, 5], "name": "", "clicks": [[1, 1]], "start": null}',
        '{"image": "a", "number": 1, "shape": [5], "name": "", "clicks": [], "start": null}',
        '{"image": "a", "number": 1, "shape": [5, 5], "name": "", "clicks": [], "start": "x"}',
        '{"image": "a", "removed": 1}',
    ],
)
def test_a_damaged_line_is_named(tmp_path: Path, line: str) -> None:
    fill(tmp_path).close()
    with (tmp_path / "session.jsonl").open("a") as file:
        file.write(line + "\n")
    with pytest.raises(UserError, match=r"session\.jsonl, line 5 is damaged"):
        Session(tmp_path, "here")


def test_another_source_another_format_and_other_files_are_refused(tmp_path: Path) -> None:
    fill(tmp_path / "a").close()
    with pytest.raises(UserError, match="holds a session on the images of here, not of there"):
        Session(tmp_path / "a", "there")
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "session.jsonl").write_text('{"format": 99, "source": "here"}\n')
    with pytest.raises(UserError, match="has format 99, not 1"):
        Session(tmp_path / "b", "here")
    (tmp_path / "c" / "masks").mkdir(parents=True)
    with pytest.raises(UserError, match="holds other files"):
        Session(tmp_path / "c", "here")


def test_two_processes_do_not_write_one_session(tmp_path: Path) -> None:
    session = fill(tmp_path)
    with pytest.raises(UserError, match="another `iis click` has"):
        Session(tmp_path, "here")
    session.close()
    Session(tmp_path, "here").close()


def test_what_somebody_else_changed_is_not_overwritten(tmp_path: Path) -> None:
    session = fill(tmp_path)
    before = session.objects("a/b")
    with pytest.raises(ConflictError):
        session.put("a/b", ClickedObject(1, "dog", CLICKS, revision=1))
    with pytest.raises(ConflictError):
        session.remove("a/b", 2, 1)
    with pytest.raises(ConflictError):
        session.put("a/b", ClickedObject(3, "", CLICKS, revision=2))
    assert session.objects("a/b") == before


@pytest.mark.parametrize(
    ("clicks", "reason"),
    [
        ((SignedClick(10, 0, True),), "lies outside the image of 10 x 20"),
        ((SignedClick(0, -1, True),), "lies outside"),
        ((SignedClick(1, 1, True), SignedClick(1, 1, False)), "clicked as object and as background"),
        ((SignedClick(1, 1, True),) * 1001, "takes 1000 clicks, not 1001"),
    ],
)
def test_impossible_clicks_are_refused(tmp_path: Path, clicks: tuple[SignedClick, ...], reason: str) -> None:
    session = fill(tmp_path)
    with pytest.raises(UserError, match=reason):
        session.put("a/b", ClickedObject(5, "", clicks))
    assert session.find("a/b", 5) is None


def test_an_image_of_another_size_is_refused(tmp_path: Path) -> None:
    session = fill(tmp_path)
    with pytest.raises(UserError, match="is 20 x 10, it was 10 x 20 when it was clicked"):
        session.open("a/b", (20, 10), [])


def test_masks_to_start_from_become_objects_once(tmp_path: Path) -> None:
    session = Session(tmp_path, "here")
    session.open("a", (5, 5), [3, 7])
    assert [(each.number, each.start, each.is_empty) for each in session.objects("a")] == [(1, 3, False), (2, 7, False)]
    session.remove("a", 1, 1)
    session.close()
    again = Session(tmp_path, "here")
    again.open("a", (5, 5), [3, 7])
    assert [(each.number, each.start) for each in again.objects("a")] == [(2, 7)]
