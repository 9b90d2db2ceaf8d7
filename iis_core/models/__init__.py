"""Models: what one is, its state and weights, losses, fast inference, fusion, parts of ViTs."""

from iis_core.models.contract import EncodingModel, IISModel, LayerwiseModel, TrainableModel

__all__ = ["EncodingModel", "IISModel", "LayerwiseModel", "TrainableModel"]
