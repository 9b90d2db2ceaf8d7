"""Evaluation: a model over a dataset under a protocol, into a run folder that can be resumed."""

from iis_core.evaluation.evaluate import evaluate
from iis_core.evaluation.runs import Run, read_run

__all__ = ["Run", "evaluate", "read_run"]
