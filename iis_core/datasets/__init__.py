"""Datasets: annotated images, the pairs that evaluation runs over, the regions that training draws."""

from iis_core.datasets.base import SegDataset
from iis_core.datasets.evaluation import EvaluationDataset, Target
from iis_core.datasets.region import RegionBatch, RegionDataset, collate

__all__ = ["EvaluationDataset", "RegionBatch", "RegionDataset", "SegDataset", "Target", "collate"]
