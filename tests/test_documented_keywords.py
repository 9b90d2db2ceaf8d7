"""Every keyword of everything that our packages offer says what it means."""

from __future__ import annotations

import pytest

from iis_core.plugins.catalog import catalog
from iis_core.plugins.describe import describe_keywords
from iis_core.plugins.signatures import inspect_keywords, read_keywords
from iis_core.plugins.specs import FactorySpec

OFFERS = [offer for offers in catalog().offers.values() for offer in offers.values()]
OWN = [offer for offer in OFFERS if isinstance(offer.spec, FactorySpec) and offer.claim.distribution.startswith("iis-")]
BY_TARGET = {offer.spec.target: offer for offer in OWN}


@pytest.mark.parametrize("target", BY_TARGET)
def test_every_keyword_of_what_is_offered_is_documented_and_read_from_source(target: str) -> None:
    offer = BY_TARGET[target]
    silent = [keyword.name for keyword in describe_keywords(offer) if not keyword.meaning]
    assert not silent, f"the Args of {target} lack {silent}"
    found = read_keywords(target)
    assert found is not None
    imported = inspect_keywords(offer.resolve())
    assert list(found) == list(imported)
    assert {name: keyword.default is None for name, keyword in found.items()} == {
        name: keyword.default is None for name, keyword in imported.items()
    }
