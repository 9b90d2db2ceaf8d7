"""Metrics on masks, and on the records of a run.

The names are listed in `__init__.pyi` and imported on first use: what needs records alone imports no image library.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
