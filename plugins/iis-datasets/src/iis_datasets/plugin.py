"""What this plugin offers."""

from __future__ import annotations

from collections.abc import Iterator

from iis_core.plugins import DatasetSpec, Download, hookimpl

IIS_API = 1

_FBRS = "https://github.com/saic-vul/fbrs_interactive_segmentation"
_RITM = "https://github.com/saic-vul/ritm_interactive_segmentation"


def _link_release(repository: str, file: str) -> Download:
    return Download(url=f"{repository}/releases/download/v1.0/{file}")


@hookimpl
def iis_datasets() -> Iterator[DatasetSpec]:
    yield from _list_without_files()
    yield from _list_one_object_each()
    yield from _list_many_objects()


def _list_without_files() -> Iterator[DatasetSpec]:
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
        summary="textured shapes, generated from a seed, any number and size; nothing to download",
        licence="none is needed: the images are generated",
        check_keywords={"count": 3},
    )
    yield DatasetSpec(
        name="datasets/folder",
        target="iis_datasets.folder:folder",
        summary="your own images, each with a mask of the same name",
        licence="your own",
        ignore="the number given as `ignore`",
        layout="images/NAME.jpg, masks/NAME.png (0 background, every other number an object)",
    )


def _list_one_object_each() -> Iterator[DatasetSpec]:
    yield DatasetSpec(
        name="datasets/grabcut",
        target="iis_datasets.pairs:grabcut",
        summary="GrabCut, 50 images with one object each",
        paper="Rother, Kolmogorov, Blake 2004, GrabCut: Interactive Foreground Extraction",
        licence="not stated with these files",
        images=50,
        objects=50,
        ignore="mask value 128, the uncertain boundary",
        layout="data_GT/NAME.jpg, boundary_GT/NAME.bmp",
        page=_FBRS,
        archive=_link_release(_FBRS, "GrabCut.zip"),
    )
    yield DatasetSpec(
        name="datasets/berkeley",
        target="iis_datasets.pairs:berkeley",
        summary="Berkeley, 100 objects on 96 photographs, each object with an image file of its own",
        paper="McGuinness, O'Connor 2010, A Comparative Evaluation of Interactive Segmentation Algorithms",
        licence="photographs of BSDS300, for non-commercial research and education; masks: not stated",
        images=100,
        objects=100,
        ignore="mask value 128",
        layout="images/NAME.jpg, masks/NAME.png",
        page=_FBRS,
        archive=_link_release(_FBRS, "Berkeley.zip"),
    )
    yield DatasetSpec(
        name="datasets/davis",
        target="iis_datasets.pairs:davis",
        summary="DAVIS, 345 frames, the union of their objects",
        paper="Jang, Kim 2019, Interactive Image Segmentation via Backpropagating Refinement Scheme",
        licence="not stated with these files; those of DAVIS are for non-commercial use",
        images=345,
        objects=345,
        layout="img/NAME.jpg, gt/NAME.png",
        page=_FBRS,
        archive=_link_release(_FBRS, "DAVIS.zip"),
    )
    yield DatasetSpec(
        name="datasets/coco-mval",
        target="iis_datasets.pairs:coco_mval",
        summary="COCO_MVal, 800 objects of COCO's validation images, about ten for each class",
        paper="Sofiiuk, Petrov, Barinova, Konushin 2020, f-BRS: Rethinking Backpropagating Refinement",
        licence="annotations CC-BY-4.0, photographs under the terms of Flickr",
        images=800,
        objects=800,
        layout="img/NAME.jpg, gt/NAME.png",
        page=_FBRS,
        archive=_link_release(_FBRS, "COCO_MVal.zip"),
    )
    yield DatasetSpec(
        name="datasets/davis585",
        target="iis_datasets.davis585:Davis585",
        summary="DAVIS-585, objects of video frames with initial masks to correct",
        paper="Chen et al. 2022, FocalClick: Towards Practical Interactive Image Segmentation",
        licence="not stated with these files; those of DAVIS are for non-commercial use",
        images=585,
        objects=585,
        layout="SEQUENCE/FRAME.jpg, SEQUENCE/objectK_FRAME.png, SEQUENCE/init_sp_objectK_FRAME.png, "
        "SEQUENCE/init_stm_objectK_FRAME.png",
        page="https://github.com/XavierCHEN34/ClickSEG",
    )
    yield DatasetSpec(
        name="datasets/hqseg44k",
        target="iis_datasets.hqseg44k:hqseg44k",
        summary="HQSeg-44K val, fine masks of DIS5K, ThinObject5K, COIFT and HRSOD; --data part=coift for one of them",
        paper="Ke et al. 2023, Segment Anything in High Quality",
        licence="Apache-2.0 is stated where it is published; its parts have terms of their own, e.g. a file in DIS5K/",
        images=1537,
        objects=1537,
        layout="DIS5K/DIS-VD/ with im/NAME.jpg, gt/NAME.png; thin_object_detection/ with ThinObject5K/images_test, "
        "masks_test, COIFT/images, masks, HRSOD/images, masks_max255 (DIS5K.zip and thin_object_detection.zip)",
        page="https://huggingface.co/sam-hq-team/sam-hq-training/tree/main/data",
    )


def _list_many_objects() -> Iterator[DatasetSpec]:
    yield DatasetSpec(
        name="datasets/sbd",
        target="iis_datasets.sbd:SBD",
        summary="SBD val, 6671 instances on 2857 images; --data split=train for the 8498 training images",
        paper="Hariharan et al. 2011, Semantic Contours from Inverse Detectors",
        licence="photographs under the terms of Flickr",
        images=2857,
        objects=6671,
        layout="img/ID.jpg, inst/ID.mat, train.txt, val.txt (the folder `dataset` of benchmark.tgz)",
        page="http://home.bharathh.info/pubs/codes/SBD/download.html",
    )
    yield DatasetSpec(
        name="datasets/pascal-voc",
        target="iis_datasets.pascal_voc:pascal_voc",
        summary="Pascal VOC 2012 val, 3417 objects on 1449 images",
        paper="Everingham et al. 2010, The Pascal Visual Object Classes Challenge",
        licence="photographs under the terms of Flickr",
        images=1449,
        objects=3417,
        ignore="grey value 220, the outlines",
        layout="JPEGImages/ID.jpg, SegmentationObject/ID.png, ImageSets/Segmentation/val.txt (the folder VOC2012)",
        page="http://host.robots.ox.ac.uk/pascal/VOC/voc2012/",
    )
    yield DatasetSpec(
        name="datasets/coco",
        target="iis_datasets.coco:Coco",
        summary="instances in COCO's JSON format: COCO, LVIS, or your own",
        paper="Lin et al. 2014, Microsoft COCO: Common Objects in Context",
        licence="COCO: annotations CC-BY-4.0, photographs under the terms of Flickr",
        ignore="crowds",
        layout="annotations/instances_val2017.json, val2017/ID.jpg; elsewhere by the keywords annotations and images",
        page="https://cocodataset.org/#download",
    )
    yield DatasetSpec(
        name="datasets/coco-lvis",
        target="iis_datasets.coco_lvis:CocoLvis",
        summary="COCO+LVIS as published with RITM, objects with their parts, for training",
        paper="Sofiiuk, Petrov, Konushin 2021, Reviving Iterative Training with Mask Guidance",
        licence="annotations CC-BY-4.0, photographs under the terms of Flickr",
        layout="train/hannotation.pickle, train/masks/ID.pickle, train/images/ID.jpg (COCO's train2017 and val2017 "
        "photographs, from https://cocodataset.org, belong into train/images and val/images), val/ alike",
        page=_RITM,
        archive=_link_release(_RITM, "cocolvis_annotation.tar.gz"),
    )
