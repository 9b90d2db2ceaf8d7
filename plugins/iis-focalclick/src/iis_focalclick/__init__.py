"""The models of "FocalClick: Towards Practical Interactive Image Segmentation".

The public names are listed in `__init__.pyi` and imported on first use, so that listing models imports no torch.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
