"""Getting published files: fetch with resume and checksum, unpack safely."""

from iis_core.downloads.fetch import fetch, how_by_hand, keep_checksum
from iis_core.downloads.unpack import DamagedArchiveError, unpack

__all__ = ["DamagedArchiveError", "fetch", "how_by_hand", "keep_checksum", "unpack"]
