"""Ctrl-C and SIGTERM: a checkpoint of that moment, a sentence, a status, and the same weights in the end."""

from __future__ import annotations

import os
import re
import signal
from pathlib import Path

import pytest
from held_training import PROCESSES, run_command
from iis_lightning.checkpoints import read_checkpoint
from iis_lightning.stopping import Stopped, StopRequest

from iis_core.errors import IISError


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_stops_with_a_checkpoint_of_that_moment(small: Path, tmp_path: Path, number: signal.Signals) -> None:
    last = tmp_path / "run" / "checkpoints" / "last.ckpt"
    arguments = ["train", str(small), "trainer.max_epochs=1000", "checkpoint_every=2", "data.workers=1"]
    written = PROCESSES.Event()
    process = PROCESSES.Process(target=run_command, args=(arguments, 1, written, tmp_path / "said"))
    process.start()
    try:
        while not written.wait(timeout=1):
            assert process.is_alive()
        assert process.pid is not None
        os.kill(process.pid, number)
        process.join()
    finally:
        process.kill()
    assert process.exitcode == 128 + number
    said = (tmp_path / "said").read_text()
    name = "Ctrl-C" if number == signal.SIGINT else "SIGTERM"
    found = re.search(
        rf"Stopped by {name}: \S+last\.ckpt holds everything up to step (\d+); run the same command again to go on",
        said,
    )
    assert found, said
    assert read_checkpoint(last)["global_step"] == int(found[1])
    assert "Detected KeyboardInterrupt" not in said


def test_a_second_ctrl_c_stops_at_once_and_nothing_holds_it_up(capfd: pytest.CaptureFixture[str]) -> None:
    before = signal.getsignal(signal.SIGINT)
    request = StopRequest()
    with request.listening():
        signal.raise_signal(signal.SIGINT)
        assert "Ctrl-C again stops at once" in capfd.readouterr().err
        with pytest.raises(Stopped, match="at once") as stopped:
            signal.raise_signal(signal.SIGINT)
    assert stopped.value.exit_status == 130
    assert not isinstance(stopped.value, Exception | IISError)
    assert signal.getsignal(signal.SIGINT) == before


def test_sigterm_twice_waits_for_the_step() -> None:
    request = StopRequest()
    with request.listening():
        signal.raise_signal(signal.SIGTERM)
        signal.raise_signal(signal.SIGTERM)
    with pytest.raises(Stopped) as stopped:
        request.stop_if_requested("kept")
    assert stopped.value.exit_status == 143
