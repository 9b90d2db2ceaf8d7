"""Baselines of interactive segmentation that need no weights."""
