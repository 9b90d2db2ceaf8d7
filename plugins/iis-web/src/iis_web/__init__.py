"""People at the mouse: `iis click`, and `show` in a notebook."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from iis_web.notebook import Shown as Shown
    from iis_web.notebook import show as show


def __getattr__(name: str) -> Any:
    # Listing commands imports this package, and must import no torch.
    if name in ("show", "Shown"):
        from iis_web import notebook

        return getattr(notebook, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
