"""mmsegmentation's architectures as IIS models."""
