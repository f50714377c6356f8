"""Find paintings that look alike, as whole pictures and by the faces in them.

The public names are those of ``__init__.pyi``. They are imported on first use, so that
`import artsim` is quick and no model library is loaded before a model is.
"""

import lazy_loader

__version__ = "0.1.0"

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
