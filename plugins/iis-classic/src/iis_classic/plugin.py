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
        has_weights=False,
        exact_batches=True,
        initial_mask=True,
    )
    yield ModelSpec(
        name="classic/graph-cut",
        target="iis_classic.graph_cut:GraphCut",
        summary="one minimum cut between colour models of the clicks; runs on the CPU, no weights",
        paper="Boykov, Jolly 2001, Interactive Graph Cuts for Optimal Boundary and Region Segmentation",
        has_weights=False,
        exact_batches=True,
    )
    yield ModelSpec(
        name="classic/random-walker",
        target="iis_classic.random_walker:RandomWalker",
        summary="which click a random walk reaches first; runs on the CPU, no weights",
        paper="Grady 2006, Random Walks for Image Segmentation",
        has_weights=False,
        exact_batches=True,
    )
    yield ModelSpec(
        name="classic/geodesic",
        target="iis_classic.geodesic:Geodesic",
        summary="the nearest click by geodesic distance; runs on the CPU, no weights",
        paper="Bai, Sapiro 2007, A Geodesic Framework for Fast Interactive Image and Video Segmentation and Matting",
        has_weights=False,
        exact_batches=True,
    )
