"""What this plugin offers."""

from __future__ import annotations

from collections.abc import Iterator

from iis_core.plugins import DatasetSpec, hookimpl

IIS_API = 1


@hookimpl
def iis_datasets() -> Iterator[DatasetSpec]:
    yield DatasetSpec(
        name="datasets/sample",
        target="iis_datasets.sample:SampleDataset",
        summary="13 objects on 5 photographs that come with scikit-image; nothing to download",
        licence="CC0-1.0 and public domain (photographs), MIT (masks)",
        images=5,
        objects=13,
    )
    yield DatasetSpec(
        name="datasets/synthetic",
        target="iis_datasets.synthetic:SyntheticDataset",
        summary="textured shapes, drawn from a seed, any number and size; nothing to download",
        check_keywords={"count": 3},
    )
    yield DatasetSpec(
        name="datasets/folder",
        target="iis_datasets.folder:folder",
        summary="your own images, each with a mask of the same name",
        ignore="the number given as `ignore`",
        layout="images/NAME.jpg, masks/NAME.png (0 background, every other number an object)",
    )
    yield DatasetSpec(
        name="datasets/grabcut",
        target="iis_datasets.pairs:grabcut",
        summary="GrabCut, 50 images with one object each",
        paper="Rother, Kolmogorov, Blake 2004, GrabCut: Interactive Foreground Extraction",
        images=50,
        objects=50,
        ignore="mask value 128, the uncertain boundary",
        layout="data_GT/NAME.jpg, boundary_GT/NAME.bmp",
    )
    yield DatasetSpec(
        name="datasets/coco-mval",
        target="iis_datasets.pairs:coco_mval",
        summary="COCO_MVal, 800 objects of COCO's validation images, ten for each class",
        paper="Sofiiuk, Petrov, Barinova, Konushin 2020, f-BRS: Rethinking Backpropagating Refinement",
        images=800,
        objects=800,
        layout="img/NAME.jpg, gt/NAME.png",
    )
    yield DatasetSpec(
        name="datasets/davis",
        target="iis_datasets.pairs:davis",
        summary="DAVIS, 345 frames, the union of their objects",
        paper="Jang, Kim 2019, Interactive Image Segmentation via Backpropagating Refinement Scheme",
        images=345,
        objects=345,
        layout="img/NAME.jpg, gt/NAME.png",
    )
