"""Random generators that depend on what is drawn, never on when or where it is drawn."""

from __future__ import annotations

import hashlib

import numpy as np


def generator(seed: int, epoch: int, sample_id: str, purpose: str) -> np.random.Generator:
    """Make a generator that depends on its arguments alone, not on batch size, order or workers.

    Args:
        seed: the run's seed.
        epoch: the epoch; 0 in evaluation.
        sample_id: the stable id of the sample or object.
        purpose: what is drawn, e.g. "robot"; two purposes never share a stream.

    Returns:
        The generator.
    """
    key = f"{seed}\0{epoch}\0{sample_id}\0{purpose}".encode(errors="surrogatepass")
    return np.random.default_rng(int.from_bytes(hashlib.sha256(key).digest(), "little"))
