"""Getting published files: fetch with resume and checksum, unpack safely."""

from iis_core.downloads.fetch import fetch
from iis_core.downloads.unpack import unpack

__all__ = ["fetch", "unpack"]
