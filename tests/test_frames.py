"""Runs as pandas tables."""

from __future__ import annotations

import sys
from dataclasses import replace

import pytest
from toy_runs import run

import iis_core
from iis_core import UserError
from iis_core.metrics import iou, mean_iou_at


def test_without_pandas_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(UserError, match=r"pip install 'iis-core\[frame\]'"):
        run(None, limit=1).to_frame()


def test_there_is_a_row_for_every_object_and_click() -> None:
    pytest.importorskip("pandas")
    whole = run(None, overrides={"stop_iou": None, "max_clicks": 3})
    table = whole.to_frame()
    assert len(table) == sum(1 + len(record.clicks) for record in whole.records)
    assert table[table.click == 3].iou.mean() == pytest.approx(mean_iou_at(whole.records, 3, whole.protocol))
    for record in whole.records:
        rows = table[table.id == record.id]
        assert list(rows.click) == [0, 1, 2, 3]
        assert [tuple(row) for row in rows[["tp", "fp", "fn"]].to_numpy()] == [
            record.initial, *(click.counts for click in record.clicks)
        ]  # fmt: skip
        assert list(rows.boundary_iou)[1:] == [iou(click.boundary) for click in record.clicks]
        assert list(rows.row)[1:] == [click.row for click in record.clicks]
        assert rows.row.isna().tolist() == rows.seconds_model.isna().tolist() == [True, False, False, False]
        assert set(rows.components) == {record.facts["components"]}
        assert set(rows.height) == {record.shape[0]}


def test_several_runs_are_told_apart() -> None:
    pytest.importorskip("pandas")
    first, second = (run(None, seed=seed, limit=2) for seed in (0, 1))
    table = iis_core.frame([first, second])
    assert table.groupby("seed").size().tolist() == [len(first.to_frame()), len(second.to_frame())]
    assert len(iis_core.frame([])) == 0


def test_records_of_older_versions_and_facts_with_the_name_of_a_column_are_told() -> None:
    pytest.importorskip("pandas")
    new = run(None, limit=1)
    (record,) = new.records
    clicks = tuple(replace(click, violated=None) for click in record.clicks)
    for facts, own in ((None, set()), ({"iou": 7, "class": "dog"}, {"class"})):
        table = replace(new, records=(replace(record, facts=facts, clicks=clicks),)).to_frame()
        assert set(new.to_frame().columns) - set(table.columns) == {"components", "border"}
        assert set(table.columns) - set(new.to_frame().columns) == own
        assert table.violated.isna().all()
        assert table.iou.max() <= 1
