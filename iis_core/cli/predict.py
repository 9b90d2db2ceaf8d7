"""`iis predict`."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import click

from iis_core.cli.keywords import model_keywords_option, parse_keywords
from iis_core.cli.options import PATH, CatalogName
from iis_core.cli.terminal import say
from iis_core.errors import UserError
from iis_core.files.writing import refuse_to_overwrite
from iis_core.plugins.catalog import find
from iis_core.plugins.specs import ModelSpec, ProtocolSpec


@click.command()
@click.argument("image", type=PATH)
@click.option(
    "--model",
    type=CatalogName(ModelSpec),
    default="classic/grabcut",
    show_default=True,
    help="Catalog name, or a model folder.",
)
@click.option("--click", "clicks", metavar="ROW,COL,+|-", multiple=True, required=True, help="In order; repeatable.")
@click.option("--out", type=PATH, required=True, metavar="MASK", help="PNG of 0 and 255.")
@click.option("--initial-mask", type=PATH, metavar="MASK", help="Start from these pixels > 0.")
@click.option(
    "--threshold",
    type=click.FloatRange(0, 1),
    default=lambda: find(ProtocolSpec, "core/ritm").spec.threshold,
    help="The object is where the probability exceeds it; by default 0.49, as under the protocol ritm.",
)
@click.option("--device", default="cpu", show_default=True, help="Torch device of the model.")
@model_keywords_option
def predict(
    image: Path,
    model: str,
    clicks: tuple[str, ...],
    out: Path,
    initial_mask: Path | None,
    threshold: float,
    device: str,
    keywords: tuple[str, ...],
) -> None:
    """Segment IMAGE by clicks and write the mask, e.g. `iis predict cat.jpg --click 120,80,+ --out cat.png`."""
    parsed = [_parse_click(text) for text in clicks]
    model_keywords: dict[str, Any] = {"device": device, **parse_keywords(keywords, "--set", (ModelSpec, model))}
    weights = model_keywords.get("weights") or find(ModelSpec, model).folder
    refuse_to_overwrite(out, _list_inputs(image, initial_mask, weights))
    from iis_core.files.images import read_binary_mask, read_image, write_mask
    from iis_core.loop import predict as run_prediction
    from iis_core.masks import binarise
    from iis_core.plugins.load import load_model

    pixels = read_image(image)
    start = None if initial_mask is None else read_binary_mask(initial_mask)
    network = load_model(model, **model_keywords)
    mask = binarise(run_prediction(network, pixels, parsed, start), threshold, inclusive=False)
    write_mask(out, mask)
    say(f"{out}: {int(mask.sum())} of {mask.size} pixels")


def _list_inputs(image: Path, initial_mask: Path | None, weights: object) -> list[Path]:
    """List the files that are read; those of a model folder too."""
    given = [image, *([] if initial_mask is None else [initial_mask])]
    if not isinstance(weights, str | Path):
        return given
    return [*given, Path(weights), *(Path(weights).iterdir() if Path(weights).is_dir() else ())]


def _parse_click(text: str) -> tuple[int, int, bool]:
    match = re.fullmatch(r"(-?\d{1,9}),(-?\d{1,9}),([+-])", text)
    if not match:
        raise UserError(f"--click takes ROW,COL,+ or ROW,COL,-, not {text!r}")
    return int(match[1]), int(match[2]), match[3] == "+"
