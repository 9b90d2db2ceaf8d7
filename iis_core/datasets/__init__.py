"""Datasets: annotated images, and the (image, object) pairs that evaluation runs over."""

from iis_core.datasets.base import SegDataset
from iis_core.datasets.evaluation import EvaluationDataset, Target

__all__ = ["EvaluationDataset", "SegDataset", "Target"]
