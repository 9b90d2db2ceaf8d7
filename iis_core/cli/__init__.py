"""The command line: every command is one call into the package."""

from iis_core.cli.main import main

__all__ = ["main"]
