"""Models: what one is, its state and weights, losses, fast inference, and fusion into segmentation networks."""

from iis_core.models.contract import EncodingModel, IISModel, LayerwiseModel, TrainableModel

__all__ = ["EncodingModel", "IISModel", "LayerwiseModel", "TrainableModel"]
