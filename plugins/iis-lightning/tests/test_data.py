"""The order of training samples."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from iis_lightning.data import Batches

from iis_core import UserError


@settings(deadline=None)
@given(size=st.integers(6, 40), each=st.integers(1, 3), of=st.integers(1, 2), epoch=st.integers(0, 3))
def test_processes_together_have_the_batches_of_one(size: int, each: int, of: int, epoch: int) -> None:
    whole = list(Batches(size, each * of, 0, lambda: (epoch, 0)))
    parts = [list(Batches(size, each, 0, lambda: (epoch, 0), number, of)) for number in range(of)]
    for batch, together in zip(whole, zip(*parts, strict=True), strict=True):
        assert sorted(batch) == sorted(place for part in together for place in part)
    places = [place for batch in whole for place in batch]
    assert len(set(places)) == len(places) == size - size % (each * of)
    assert {at for at, _ in places} == {epoch}


def test_an_epoch_is_gone_on_with_from_any_position_and_the_next_one_is_another() -> None:
    whole = list(Batches(10, 2, 0, lambda: (1, 0)))
    rest = Batches(10, 2, 0, lambda: (1, 3))
    assert list(rest) == whole[3:]
    assert len(rest) == 5
    other = list(Batches(10, 2, 0, lambda: (2, 0)))
    assert [[i for _, i in batch] for batch in other] != [[i for _, i in batch] for batch in whole]


def test_too_few_samples_are_an_error() -> None:
    with pytest.raises(UserError, match=r"3 samples do not fill a batch of 4: lower data\.batch_size"):
        Batches(3, 2, 0, lambda: (0, 0), 0, 2)
