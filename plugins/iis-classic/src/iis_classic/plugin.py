"""What this plugin offers."""

from __future__ import annotations

from collections.abc import Iterator

from iis_core.plugins import ModelSpec, hookimpl

IIS_API = 1


@hookimpl
def iis_models() -> Iterator[ModelSpec]:
    yield ModelSpec(
        name="classic/grabcut",
        target="iis_classic.grabcut:GrabCut",
        summary="GrabCut seeded by the clicks; runs on the CPU, no weights",
        paper="Rother, Kolmogorov, Blake 2004, GrabCut: Interactive Foreground Extraction",
        exact_batches=True,
        initial_mask=True,
    )
