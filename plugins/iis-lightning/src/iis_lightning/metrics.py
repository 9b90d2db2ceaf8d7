"""All metrics of a training in one file, over all restarts."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lightning.pytorch.loggers.logger import Logger
from lightning.pytorch.utilities import rank_zero_only

from iis_core.files.writing import explain_write_errors, replace_whole
from iis_lightning.folder import REMEDY


class MetricsFile(Logger):
    """Writes metrics as JSON, one line per logged step.

    Args:
        file: the file.
    """

    def __init__(self, file: Path) -> None:
        super().__init__()
        self.file = file

    @property
    def name(self) -> None:
        return None

    @property
    def version(self) -> None:
        return None

    def log_hyperparams(self, params: Any, *args: Any, **kwargs: Any) -> None:
        """Write nothing: the configuration has a file of its own."""

    @rank_zero_only
    def log_metrics(self, metrics: Mapping[str, Any], step: int | None = None) -> None:
        line = json.dumps({"step": step, **{name: _to_number(value) for name, value in metrics.items()}})
        with explain_write_errors(self.file, REMEDY), self.file.open("a") as stream:
            stream.write(line + "\n")

    @rank_zero_only
    def keep_until(self, step: int) -> None:
        """Drop what was logged after the checkpoint from which a training goes on.

        Args:
            step: number of optimizer steps at the checkpoint.
        """
        kept = [row for row in read_metrics(self.file) if row["step"] < step]
        with replace_whole(self.file, REMEDY) as partial:
            partial.write_text("".join(json.dumps(row) + "\n" for row in kept))


def read_metrics(file: Path) -> list[dict[str, Any]]:
    """Read a metrics file; an incomplete last line, left by a kill, is left out.

    Args:
        file: the file; there may be none.

    Returns:
        A dictionary for every line, with `step` and metrics by name.
    """
    if not file.is_file():
        return []
    rows = []
    for line in file.read_bytes().splitlines():
        try:
            row = json.loads(line)
        except ValueError:
            continue
        if isinstance(row, dict) and isinstance(row.get("step"), int):
            rows.append(row)
    return rows


def _to_number(value: Any) -> float | int | None:
    number = value.item() if hasattr(value, "item") else value
    return number if number == number and abs(number) != float("inf") else None
