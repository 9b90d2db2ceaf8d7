"""Readers for the datasets of interactive segmentation."""
