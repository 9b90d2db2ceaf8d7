"""A framework for research on click-based interactive image segmentation.

The public names are listed in `__init__.pyi` and imported on first use, so that `import iis_core` and the command line
stay light.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
