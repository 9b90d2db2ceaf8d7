"""Evaluation: a model over a dataset under a protocol, into a run folder that can be resumed.

The names are listed in `__init__.pyi` and imported on first use: reading a run needs no torch.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
