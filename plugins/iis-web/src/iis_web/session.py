"""What was clicked: objects of images, kept in a file of lines, so that neither page nor server can lose a click."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from iis_core.errors import UserError
from iis_core.files.lines import LinesFile
from iis_core.files.reading import parse_json, read_bytes
from iis_core.files.writing import explain_write_errors
from iis_core.types import SignedClick
from iis_web.checking import MOST_OBJECTS, check_clicks, check_name, check_number

FORMAT = 1
FILE = "session.jsonl"
_LOCK = ".lock"


class ConflictError(Exception):
    """What is to be changed was changed by somebody else, such as another tab."""


@dataclass(frozen=True)
class ClickedObject:
    """An object that a person segments.

    Args:
        number: its number in its image, 1 to 255; where objects overlap, the one with the larger number lies on top.
        name: what the person calls it, maybe nothing.
        clicks: in order.
        start: the number in the mask to start from, None where it starts from nothing.
        revision: grows with every change of anything in the session.
    """

    number: int
    name: str = ""
    clicks: tuple[SignedClick, ...] = ()
    start: int | None = None
    revision: int = 0

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to predict from."""
        return not self.clicks and self.start is None


@dataclass(eq=False)
class ClickedImage:
    """The objects of an image.

    Args:
        shape: (height, width) when it was clicked.
        objects: by their numbers.
        is_saved: whether the masks on the disk are those of the clicks.
    """

    shape: tuple[int, int]
    objects: dict[int, ClickedObject] = field(default_factory=dict)
    is_saved: bool = True


class Session:
    """Everything that was clicked.

    Args:
        folder: where `session.jsonl` is started or continued; None keeps the session in memory.
        source: what tells the images from others of the same names, such as their folder.

    Raises:
        UserError: another process has the session open, it is one on other images, or damaged, or the folder holds
            something else.
    """

    def __init__(self, folder: Path | None, source: str) -> None:
        self.images: dict[str, ClickedImage] = {}
        self._revision = 0
        self._lines: LinesFile | None = None
        self._stack = ExitStack()
        if folder is not None:
            with ExitStack() as stack, explain_write_errors(folder):
                folder.mkdir(parents=True, exist_ok=True)
                stack.callback(_lock(folder).release)
                self._lines = stack.enter_context(closing(self._start_or_continue(folder / FILE, source)))
                self._stack = stack.pop_all()

    def close(self) -> None:
        """Let another process open the session."""
        self._stack.close()

    def objects(self, image_id: str) -> Sequence[ClickedObject]:
        """Return the objects of an image, by number."""
        known = self.images.get(image_id)
        return () if known is None else [known.objects[number] for number in sorted(known.objects)]

    def find(self, image_id: str, number: int) -> ClickedObject | None:
        """Return an object, None where there is none of that number."""
        known = self.images.get(image_id)
        return None if known is None else known.objects.get(number)

    def open(self, image_id: str, shape: tuple[int, int], starts: Sequence[int]) -> None:
        """Take note of an image that is opened; for the first time, it gets an object for each mask to start from.

        Args:
            image_id: its id.
            shape: (height, width).
            starts: the numbers in the mask to start from.

        Raises:
            UserError: it has another size than when it was clicked, or too many objects to start from.
        """
        known = self.images.get(image_id)
        if known is not None and known.shape != shape:
            sizes = [f"{height} x {width}" for height, width in (shape, known.shape)]
            raise UserError(f"{image_id} is {sizes[0]}, it was {sizes[1]} when it was clicked: restore the file")
        if known is None and len(starts) > MOST_OBJECTS:
            raise UserError(f"{image_id} has {len(starts)} objects to start from, more than {MOST_OBJECTS}")
        if known is None:
            self.images[image_id] = ClickedImage(shape)
            for number, start in enumerate(starts, 1):
                self.put(image_id, ClickedObject(number, start=start))

    def put(self, image_id: str, changed: ClickedObject) -> ClickedObject:
        """Replace an object, or add it; once this returns, no crash loses it.

        Args:
            image_id: the id of its image, which is open.
            changed: the object, with the revision on which the change was based, 0 for a new one.

        Returns:
            The object with its new revision.

        Raises:
            UserError: a click lies outside the image, or a pixel is clicked with both signs.
            ConflictError: somebody else changed it since.
        """
        image = self.images[image_id]
        self._check_base(image, changed.number, changed.revision)
        check_clicks(changed.clicks, image.shape)
        kept = replace(changed, revision=self._revision + 1)
        self._append({"image": image_id, "shape": image.shape, **_describe(kept)})
        return self._keep(image, kept)

    def remove(self, image_id: str, number: int, revision: int) -> None:
        """Remove an object; the error is that of `put`."""
        image = self.images[image_id]
        self._check_base(image, number, revision)
        self._append({"image": image_id, "removed": number})
        self._drop(image, number)

    def mark_saved(self, image_id: str) -> None:
        """Take note that the masks of an image are on the disk."""
        self._append({"image": image_id, "saved": True})
        self.images[image_id].is_saved = True

    def _keep(self, image: ClickedImage, kept: ClickedObject) -> ClickedObject:
        self._revision += 1
        image.objects[kept.number] = replace(kept, revision=self._revision)
        image.is_saved = False
        return image.objects[kept.number]

    def _drop(self, image: ClickedImage, number: int) -> None:
        self._revision += 1
        image.objects.pop(number, None)
        image.is_saved = False

    def _check_base(self, image: ClickedImage, number: int, revision: int) -> None:
        known = image.objects.get(number)
        if (0 if known is None else known.revision) != revision:
            raise ConflictError

    def _append(self, content: Mapping[str, Any]) -> None:
        if self._lines is not None:
            self._lines.append(json.dumps(content))

    def _start_or_continue(self, file: Path, source: str) -> LinesFile:
        if not file.exists() and any(other.name != _LOCK for other in file.parent.iterdir()):
            raise UserError(f"{file.parent} holds other files, but no {FILE}: choose another --out")
        before = read_bytes(file).split(b"\n")[:-1] if file.exists() else []
        for number, line in enumerate(before, 1):
            try:
                content = parse_json(line)
                _check_header(content, source, file) if number == 1 else self._take_over(content)
            except (ValueError, KeyError, TypeError, AttributeError) as error:
                if isinstance(error, _OtherSessionError):
                    raise UserError(str(error)) from None
                remedy = "remove that line, or choose another --out"
                raise UserError(f"{file}, line {number} is damaged ({error}): {remedy}") from error
        lines = LinesFile(file, "click")
        if not before:
            lines.append(json.dumps({"format": FORMAT, "source": source}))
        return lines

    def _take_over(self, content: Mapping[str, Any]) -> None:
        """Apply a line of the file; the errors are those of looking for what it must hold."""
        image_id, start = content["image"], content.get("start")
        if not isinstance(image_id, str) or not (start is None or type(start) is int):
            raise ValueError("image is no text, or start no number")
        if "number" in content:
            height, width = content["shape"]
            clicks = tuple(SignedClick(*click) for click in content["clicks"])
            check_clicks(clicks, (height, width))
            number, name = check_number(content["number"]), check_name(content["name"])
            image = self.images.setdefault(image_id, ClickedImage((height, width)))
            self._keep(image, ClickedObject(number, name, clicks, start))
        elif "removed" in content:
            self._drop(self.images[image_id], content["removed"])
        else:
            self.images[image_id].is_saved = bool(content["saved"])


class _OtherSessionError(ValueError):
    """The file holds a session, but not this one."""


def _check_header(content: Mapping[str, Any], source: str, file: Path) -> None:
    if content["format"] != FORMAT:
        raise _OtherSessionError(f"{file} has format {content['format']}, not {FORMAT}: choose another --out")
    if content["source"] != source:
        raise _OtherSessionError(
            f"{file} holds a session on the images of {content['source']}, not of {source}: choose another --out"
        )


def _describe(kept: ClickedObject) -> dict[str, Any]:
    return {"number": kept.number, "name": kept.name, "clicks": kept.clicks, "start": kept.start}


def _lock(folder: Path) -> FileLock:
    lock = FileLock(folder / _LOCK)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        raise UserError(f"another `iis click` has {folder} open: use its page, or choose another --out") from None
    return lock
