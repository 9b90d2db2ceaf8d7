"""Datasets: annotated images, the objects that are evaluated and the regions that training draws."""

from iis_core.datasets.base import SegDataset
from iis_core.datasets.evaluation import EvaluationDataset, EvaluationObject
from iis_core.datasets.training import RegionBatch, RegionDataset, collate

__all__ = ["EvaluationDataset", "EvaluationObject", "RegionBatch", "RegionDataset", "SegDataset", "collate"]
