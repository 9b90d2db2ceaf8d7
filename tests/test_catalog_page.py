"""docs/catalog.md lists what is registered; `IIS_WRITE_DOCS=1` writes it anew."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from iis_core.plugins.catalog import OWN_PLUGINS, catalog
from iis_core.plugins.specs import Spec

PAGE = Path(__file__).resolve().parents[1] / "docs" / "catalog.md"
OWN = ["iis-core", *(f"iis-{name}" for name in OWN_PLUGINS)]
BEGIN, END = "<!-- catalog -->", "<!-- end of catalog -->"


def lines() -> Iterator[str]:
    """Every kind, and in it everything that each package offers."""
    for spec_type, offers in catalog().offers.items():
        title = spec_type.kind.replace("_", " ").capitalize()
        yield f"## {title}\n"
        for distribution in OWN:
            specs = [offer.spec for offer in offers.values() if offer.claim.distribution == distribution]
            if specs:
                yield f"### {title} of {distribution}\n"
                yield "| name | what it is | source |\n|---|---|---|"
                yield from map(row, specs)
                yield ""


def row(spec: Spec) -> str:
    cells = (f"`{spec.name}`", spec.summary, spec.paper)
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def test_the_page_lists_what_is_registered() -> None:
    missing = {*OWN} - {claim.distribution for claim in catalog().plugins}
    if missing:
        pytest.skip(f"not installed: {', '.join(sorted(missing))}")
    before, _, rest = PAGE.read_text().partition(BEGIN)
    after = rest.partition(END)[2]
    page = f"{before}{BEGIN}\n" + "\n".join(lines()) + f"{END}{after}"
    if os.environ.get("IIS_WRITE_DOCS") == "1":
        PAGE.write_text(page)
    assert PAGE.read_text() == page, "the catalog has changed: IIS_WRITE_DOCS=1 tox -e all -- -k catalog_page"
