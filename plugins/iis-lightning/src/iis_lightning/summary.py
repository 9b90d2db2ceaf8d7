"""The end of a training: a summary, warnings about a validation that says nothing, and a curve."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from iis_core.files.writing import replace_whole
from iis_lightning.folder import REMEDY, TrainingFolder


def summarise(
    rows: Sequence[Mapping[str, Any]],
    history: Mapping[int, Mapping[str, Any]],
    best: int | None,
    epochs: int,
    step: int,
) -> dict[str, Any]:
    """Summarise a training.

    Args:
        rows: its metrics, see `read_metrics`.
        history: its validations by epoch, see `NumberOfClicks`.
        best: the epoch with the best validation.
        epochs: number of epochs.
        step: number of optimizer steps.

    Returns:
        Plain values: `epochs`, `steps`, the first and the last logged `loss`, `validation` (the last and the best
        epoch, each with its numbers of clicks) and `warnings`.
    """
    losses = [row["train/loss"] for row in rows if row.get("train/loss") is not None]
    found: dict[str, Any] = {"epochs": epochs, "steps": step, "loss": [*losses[:1], *losses[-1:]]}
    if best is not None:
        found["validation"] = {
            name: {"epoch": epoch + 1, **history[epoch]} for name, epoch in (("last", max(history)), ("best", best))
        }
    return {**found, "warnings": list_warnings(history)}


def list_warnings(history: Mapping[int, Mapping[str, Any]]) -> list[str]:
    """List what makes a training's validation say nothing.

    Args:
        history: the validations by epoch.
    """
    if not history:
        return []
    found = []
    numbers = [{name: value for name, value in entry.items() if name != "masks"} for entry in history.values()]
    if len(numbers) > 1 and all(entry == numbers[0] for entry in numbers):
        same = ", ".join(f"{name} {value:.2f}" for name, value in numbers[0].items())
        found.append(
            f"none of {len(numbers)} validations differs from the first ({same}): what was trained does not show in it"
        )
    masks = history[max(history)].get("masks")
    if masks:
        found.append(
            f"every mask of the last validation is {masks}: the model has not learnt to answer clicks; train longer, "
            "or try another learning rate, other losses or a network without batch statistics"
        )
    return found


def describe(summary: Mapping[str, Any], folder: TrainingFolder) -> str:
    """Describe a summary to people, in a few lines.

    Args:
        summary: as of `summarise`.
        folder: the folder of the training.
    """
    loss = " -> ".join(f"{value:.4f}" for value in summary["loss"])
    lines = [f"{summary['epochs']} epochs, {summary['steps']} steps, loss {loss or 'not logged'}"]
    for name, found in summary.get("validation", {}).items():
        numbers = ", ".join(f"{key} {value:.2f}" for key, value in found.items() if key not in ("epoch", "masks"))
        where = folder.best if name == "best" else folder.model
        lines.append(f"{name} validation: {numbers}, epoch {found['epoch']}, {where}")
    return "\n".join([*lines, *(f"Warning: {warning}" for warning in summary["warnings"])])


def draw_curve(rows: Sequence[Mapping[str, Any]], file: Path) -> bool:
    """Draw the loss and the numbers of clicks over the steps, where matplotlib is installed.

    Args:
        rows: the metrics.
        file: the PNG file.

    Returns:
        Whether it was drawn.

    Raises:
        UserError: the file cannot be written.
    """
    try:
        from matplotlib.figure import Figure
    except ImportError:
        return False
    panels = [("loss", ["train/loss"]), ("NoC", sorted({name for row in rows for name in row if "val/NoC" in name}))]
    figure = Figure(figsize=(6, 5), layout="constrained")
    for axes, (label, names) in zip(figure.subplots(2, 1, sharex=True), panels, strict=True):
        for name in names:
            points = [(row["step"], row[name]) for row in rows if row.get(name) is not None]
            axes.plot(*zip(*points, strict=True), marker="." if len(points) < 50 else None, label=name.split("/")[1])
        axes.set_ylabel(label)
        if names and label == "NoC":
            axes.legend(loc="upper left", bbox_to_anchor=(1, 1))
    figure.supxlabel("optimizer step")
    with replace_whole(file, REMEDY) as partial, partial.open("wb") as stream:
        figure.savefig(stream, format="png", dpi=120)
    return True
