"""segmentation_models_pytorch architectures as IIS models."""
