"""Every reader of the product whose package is installed."""

from __future__ import annotations

from contextlib import suppress
from importlib import import_module
from importlib.util import find_spec

from hostile_core import CORE
from hostile_plugins import PLUGINS

INSTALLED = [name for name in PLUGINS if find_spec(name) is not None]
READERS = CORE | {name: reader for package in INSTALLED for name, reader in PLUGINS[package].items()}


def warm_up() -> None:
    """Import what the readers import, so that it counts for none of them."""
    import iis_core.cli
    import iis_core.evaluation
    import iis_core.models.weights
    import iis_core.report  # noqa: F401

    for module in ("pycocotools.mask", "scipy.io", "iis_lightning.train", "iis_smp.models", "iis_ritm.model"):
        with suppress(ImportError):
            import_module(module)
