"""A study: the interaction loop of an evaluation, in which a person is the robot."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import numpy as np
from torch import Tensor

from iis_core.errors import ContractError, IISError, UserError
from iis_core.evaluation.batch import evaluate_batch, prepare_batch
from iis_core.evaluation.failures import Failure
from iis_core.evaluation.grouping import ReadObject, read_objects
from iis_core.evaluation.plan import Plan
from iis_core.evaluation.processes import Rank
from iis_core.evaluation.records import Record
from iis_core.evaluation.run_folder import RunWriter, open_run
from iis_core.masks import binarise
from iis_core.seeding import generator
from iis_core.types import Clicks, NewClicks
from iis_web.diary import Diary, PersonClick
from iis_web.pictures import encode_prediction
from iis_web.session import ConflictError

Phase = Literal["preparing", "ready", "click", "thinking", "done", "failed"]


class _ClosedError(BaseException):
    """The server ends while a person is expected to click; no error of the model or the robot."""


@dataclass(eq=False)
class Person:
    """Clicks what a person clicks on the page; a `Robot` for one object at a time.

    Args:
        study: where the clicks come from.
    """

    study: Study | None = None
    name = "human"

    def __call__(
        self, y: Tensor, target: Tensor, pcs: Clicks, ncs: Clicks, *, n_points: int = 1, rngs: object = None
    ) -> tuple[NewClicks, NewClicks]:
        assert self.study is not None
        click = self.study.wait_for_click(len(pcs), y)
        place = (click.row, click.col)
        return ([[place]], [[]]) if click.positive else ([[]], [[place]])


class Study:
    """Objects for a person to segment, one after the other, and the run that comes of it.

    Args:
        plan: the evaluation; its robot is a `Person`.
        folder: the run folder, new or of the same study.
        show_target: for how many seconds the target is shown; None shows it all the time.
        participant: the anonymous code of the person.

    Raises:
        UserError: the folder holds another run, or is damaged.
    """

    def __init__(self, plan: Plan, folder: Path, show_target: float | None, participant: str) -> None:
        assert isinstance(plan.robot, Person)
        plan.robot.study = self
        self.plan, self.show_target, self.participant = plan, show_target, participant
        self._changed = threading.Condition()
        self._is_closed = False
        with ExitStack() as stack:
            run = open_run(folder, plan.settings, plan.dataset.ids, plan.describe_provenance, Rank())
            self._run: RunWriter = stack.enter_context(run)
            self._diary = stack.enter_context(closing(Diary(folder)))
            self._stack = stack.pop_all()
        order = generator(plan.seed, 0, "", "order of a study").permutation(len(plan.dataset))
        self._order = [int(index) for index in order]
        self.version, self.phase, self.message = 0, "preparing", ""
        self.place = 0
        self.read: ReadObject | None = None
        self.answer: tuple[bytes, tuple[int, int, int, int]] | None = None
        self._new: PersonClick | None = None
        self._thread = threading.Thread(target=self._work, name="study", daemon=True)

    @property
    def objects(self) -> int:
        """How many objects the study has."""
        return len(self._order)

    @property
    def done(self) -> int:
        """How many of them have a record."""
        return len(self._run.records)

    @property
    def clicks(self) -> Sequence[PersonClick]:
        """The clicks on the present object."""
        return tuple(self._diary.clicks[self._name]) if self.place < self.objects else ()

    def start(self) -> None:
        """Begin with the first object that has no record yet."""
        self._thread.start()

    def close(self) -> None:
        """End; what was clicked is kept, also on an object that is not finished."""
        with self._changed:
            self._is_closed = True
            self._changed.notify_all()
        if self._thread.is_alive():
            self._thread.join(timeout=60)
        self._stack.close()

    def begin(self, place: int) -> None:
        """Show the present object, which is ready.

        Raises:
            ConflictError: it is another one, or shown already.
        """
        with self._changed:
            self._require(place, "ready")
            self._change("click")

    def click(self, place: int, number: int, click: PersonClick) -> None:
        """Click on the present object.

        Args:
            place: of the object, for which the click is meant.
            number: of the click.
            click: the click.

        Raises:
            UserError: the click lies outside the image, or its pixel was clicked before.
            ConflictError: another object or click is expected.
        """
        with self._changed:
            self._require(place, "click")
            if number != len(self.clicks) + 1:
                raise ConflictError
            assert self.read is not None
            height, width = self.read.object.target.shape
            if not (0 <= click.row < height and 0 <= click.col < width):
                raise UserError(f"click ({click.row}, {click.col}) lies outside the image of {height} x {width}")
            if any((click.row, click.col) == (made.row, made.col) for made in self.clicks):
                raise UserError("this pixel was clicked before: click on another one")
            self._diary.add(self._name, click)
            self._new = click
            self._change("thinking")

    def wait_for_click(self, made: int, y: Tensor) -> PersonClick:
        """Show a prediction, and wait for the click that answers it.

        Args:
            made: how many clicks there were before.
            y: float32 (1, 1, H, W), the prediction.

        Returns:
            The click; one that was made before a crash at once.
        """
        known = self._diary.clicks[self._name]
        if made < len(known):
            return known[made]
        rules = self.plan.protocol
        shown = y[0, 0].numpy()
        answer = encode_prediction(shown, binarise(shown, rules.threshold, rules.inclusive))
        with self._changed:
            self.answer, self._new = answer, None
            self._change("ready" if self.phase == "preparing" else "click")
            self._changed.wait_for(lambda: self._new is not None or self._is_closed)
        return self._take_new_click()

    def _take_new_click(self) -> PersonClick:
        if self._new is None:
            raise _ClosedError
        return self._new

    @property
    def _name(self) -> str:
        return self.plan.dataset.ids[self._order[self.place]]

    def _require(self, place: int, phase: Phase) -> None:
        if (self.place, self.phase) != (place, phase):
            raise ConflictError

    def _change(self, phase: Phase, message: str = "") -> None:
        self.phase, self.message = phase, message
        self.version += 1
        self._changed.notify_all()

    def _work(self) -> None:
        done = {record.index for record in self._run.records}
        try:
            for place, index in enumerate(self._order):
                self.place = place
                if index not in done:
                    self._work_on(index)
            self.place = self.objects
            with self._changed:
                self._change("done", self.message)
        except _ClosedError:
            pass
        except Exception as error:
            with self._changed:
                self._change("failed", str(error))
            if not isinstance(error, IISError):
                raise

    def _work_on(self, index: int) -> None:
        with self._changed:
            if self._is_closed:
                raise _ClosedError
            self.read, self.answer = None, None
            self._change("preparing", self.message)
        turn = threading.Lock()
        try:
            (read,) = read_objects(self.plan.dataset, [index])
            batch = prepare_batch(self.plan, [read], turn)
            self.read = read
            (outcome,) = evaluate_batch(self.plan, batch, turn)
        except ContractError:
            raise
        except IISError as error:
            self._run.fail(Failure(self._name, str(error)))
            self.message = f"An object was set aside: {error}"
            return
        self._run.append(self._with_own_seconds(outcome.record))
        self.message = ""

    def _with_own_seconds(self, record: Record) -> Record:
        """Take the time of the page in place of the server's, which also counts how long the person rested."""
        known = self._diary.clicks[record.id]
        clicks = tuple(
            replace(click, seconds={**click.seconds, "robot": own.seconds})
            for click, own in zip(record.clicks, known, strict=False)
        )
        return replace(record, clicks=clicks)


def encode_target(target: np.ndarray) -> tuple[bytes, tuple[int, int, int, int]]:
    """Encode a target, int8 (H, W), as `encode_prediction` does."""
    mask = target == 1
    return encode_prediction(mask.astype(np.float32), mask)
