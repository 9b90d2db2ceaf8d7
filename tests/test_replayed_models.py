"""A replay of a run gives its counts, for every model that is installed."""

from __future__ import annotations

import json
from collections.abc import Callable
from itertools import groupby
from pathlib import Path

import pytest

from iis_core import evaluate, list_models
from iis_core.plugins.catalog import catalog, find
from iis_core.plugins.specs import DatasetSpec, ModelSpec

_MANY = 20
"""A plugin with more models makes all of them alike."""


def list_deterministic() -> list[str]:
    """The installed models that are deterministic; of a plugin with very many the first."""
    names: list[str] = []
    for _, own in groupby(sorted(list_models()), key=lambda name: name.split("/")[0]):
        listed = list(own)
        names += listed if len(listed) <= _MANY else listed[:1]
    return [name for name in names if "check_is_deterministic" not in find(ModelSpec, name).spec.expected_failures]


@pytest.mark.slow
@pytest.mark.parametrize("model", list_deterministic())
def test_a_replay_is_identical(tmp_path: Path, iis: Callable, model: str) -> None:
    if "datasets/sample" not in catalog().offers[DatasetSpec]:
        pytest.skip("iis-datasets is not installed")
    keywords = dict(find(ModelSpec, model).spec.check_keywords)
    evaluate(model, "sample", out=tmp_path, model_keywords=keywords, overrides={"max_clicks": 2}, limit=1)
    result = iis("replay", tmp_path, "--json")
    found = json.loads(result.stdout)
    assert (result.returncode, found["objects"], found["identical"]) == (0, 1, 1)
    # Somebody may work on the checkout meanwhile.
    assert [name for name in found["differences"] if not name.startswith("commits.")] == []
