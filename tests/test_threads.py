"""Threads change who works when, never what comes out."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import pytest
from toy_runs import essence, run

from iis_core import IISModel, evaluate, load_model, load_robot
from iis_core.threads import ahead


@pytest.mark.parametrize("threads", [0, 1, 3])
def test_results_come_in_order_and_items_are_drawn_a_little_ahead(threads: int) -> None:
    drawn = []

    def items():
        for i in range(50):
            drawn.append(i)
            yield i

    results = ahead(lambda i: i * i, items(), threads)
    for i, result in enumerate(results):
        assert result == i * i
        assert len(drawn) <= i + 1 + 2 * threads
    assert len(drawn) == 50


@pytest.mark.parametrize("threads", [0, 2])
def test_an_error_comes_where_its_result_would(threads: int) -> None:
    results = ahead(lambda i: 1 / (3 - i), range(10), threads)
    assert [next(results) for _ in range(3)] == [1 / 3, 1 / 2, 1]
    with pytest.raises(ZeroDivisionError):
        next(results)


@pytest.mark.parametrize("batch_size", [1, 3, 8])
@pytest.mark.parametrize("workers", [0, 2, 5])
def test_records_do_not_depend_on_the_number_of_workers(tmp_path: Path, batch_size: int, workers: int) -> None:
    rules = {"robot": "core/random-error"}
    plain = run(tmp_path / "plain", overrides=rules)
    assert essence(run(tmp_path / "run", overrides=rules, batch_size=batch_size, workers=workers)) == essence(plain)


def test_the_model_is_called_by_one_at_a_time_and_robots_by_several(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Single(IISModel):
        device = "cpu"
        calls = threading.Lock()

        def __init__(self) -> None:
            self.callers = set()
            self.inner = load_model("toy/disks", delay=0.002)

        def alone(self, call, *arguments, **more):
            assert self.calls.acquire(blocking=False)
            try:
                self.callers.add(threading.get_ident())
                return call(*arguments, **more)
            finally:
                self.calls.release()

        def encode(self, x):
            return self.alone(lambda: {"mean": x.mean((1, 2, 3))})

        def initialize_z(self, image, target, initial_mask=None, features=None):
            return self.alone(self.inner.initialize_z, image, target, initial_mask)

        def __call__(self, x, z, pcs, ncs):
            return self.alone(self.inner, x, z, pcs, ncs)

    model, robot = Single(), type(load_robot("ritm"))
    click, main = robot.__call__, threading.get_ident()

    def click_once_others_came(*arguments, **more):
        """Or one thread might do all the work before another begins; after a minute none will come."""
        for _ in range(60_000):
            if len(model.callers - {main}) > 1:
                break
            time.sleep(0.001)
        return click(*arguments, **more)

    monkeypatch.setattr(robot, "__call__", click_once_others_came)
    evaluate(model, "toy/shapes", out=tmp_path / "run", workers=3)
    assert len(model.callers - {main}) > 1
