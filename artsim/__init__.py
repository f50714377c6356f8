"""Find paintings that look alike, as whole pictures and by the faces in them."""

from __future__ import annotations

__version__ = "0.1.0"
