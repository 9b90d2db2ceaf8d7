"""Every reader of the product whose package is installed."""

from __future__ import annotations

from importlib.util import find_spec

from hostile_core import CORE
from hostile_plugins import PLUGINS

INSTALLED = {"iis_core": CORE, **{name: own for name, own in PLUGINS.items() if find_spec(name) is not None}}
READERS = {name: (package, reader) for package, own in INSTALLED.items() for name, reader in own.items()}
"""By name, with the package of each."""


def warm_up(package: str) -> None:
    """Import what the readers of a package import, so that it counts for none of them."""
    import iis_core.cli
    import iis_core.evaluation
    import iis_core.models.weights
    import iis_core.report  # noqa: F401

    if package == "iis_lightning":
        import iis_lightning.train  # noqa: F401
    if package == "iis_datasets":
        import scipy.io  # noqa: F401
