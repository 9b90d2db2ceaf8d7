"""Getting published files: fetch with resume and checksum, unpack safely."""

from iis_core.downloads.fetch import fetch, keep_checksum
from iis_core.downloads.unpack import DamagedArchiveError, unpack

__all__ = ["DamagedArchiveError", "fetch", "keep_checksum", "unpack"]
