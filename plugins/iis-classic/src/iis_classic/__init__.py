"""Baselines for interactive segmentation that need no weights."""
