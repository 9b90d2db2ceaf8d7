"""`python -m iis_core` is `iis`."""

from iis_core.cli import main

main()
