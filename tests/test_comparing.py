"""Comparing runs: what is paired, what is averaged, what is marked, and what strata are."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy import stats
from toy_runs import run

from iis_core import Run, UserError, read_run
from iis_core.metrics import failures, iou_drops, mean_noc, never_reached, noc
from iis_core.report.estimates import compute_report
from iis_core.report.formats import Cell, Grid, Line, escape_latex, to_latex, to_markdown
from iis_core.report.measures import Numbers
from iis_core.report.pairing import explain_difference, group_repeats, require_comparable
from iis_core.report.strata import stratify
from iis_core.report.table import compute_row, compute_rows, format_rows
from iis_core.report.writing import write_report


@pytest.fixture(scope="module")
def good() -> Run:
    return run(None)


@pytest.fixture(scope="module")
def bad() -> Run:
    return run(None, model_keywords={"shrink": 0.7})


def changed(run: Run, **settings: Any) -> Run:
    """The run with other settings; a dict changes a part of them."""
    parts = {key: {**(run.settings[key] or {}), **value} for key, value in settings.items() if isinstance(value, dict)}
    return replace(run, settings={**run.settings, **settings, **parts})


def test_numbers_are_those_of_the_metrics(good: Run) -> None:
    (entry,) = compute_report([good], Numbers(thresholds=[0.8], stability=True)).entries
    values = {name: estimate.measure.value for name, estimate in entry.estimates.items()}
    assert values["NoC@80"] == mean_noc(good.records, 0.8, good.protocol)
    assert values[">=20@80"] == failures(good.records, 0.8, good.protocol)
    assert values["never@80"] == never_reached(good.records, 0.8, good.protocol)
    assert values["drops"] == pytest.approx(iou_drops(good.records))
    assert all(estimate.interval is None or estimate.interval.low <= values[name] <= estimate.interval.high
               for name, estimate in entry.estimates.items())  # fmt: skip


def test_a_difference_is_what_scipy_computes_on_sums_per_image(good: Run, bad: Run) -> None:
    (comparison,) = compute_report([good, bad]).comparisons
    difference = comparison.differences["NoC@90"]
    nocs = [[noc(record, 0.9, each.protocol) for record in each.records] for each in (good, bad)]
    assert difference.value == pytest.approx(np.mean(nocs[1]) - np.mean(nocs[0]))
    counts = (difference.better, difference.worse, difference.equal)
    signs = np.sign(np.subtract(*nocs))
    assert counts == ((signs > 0).sum(), (signs < 0).sum(), (signs == 0).sum())
    sums: dict[str, float] = {}
    for record, first, other in zip(good.records, *nocs, strict=True):
        sums[record.path] = sums.get(record.path, 0) + other - first
    test = stats.permutation_test((list(sums.values()),), np.mean, permutation_type="samples")
    assert difference.p == pytest.approx(test.pvalue)
    assert difference.corrected == difference.p


def test_p_values_of_a_number_are_corrected_over_all_comparisons_of_it(good: Run, bad: Run) -> None:
    comparisons = compute_report([good, bad, changed(bad, batch_size=2)]).comparisons
    assert len(comparisons) == 2
    for comparison in comparisons:
        for difference in comparison.differences.values():
            assert difference.corrected == pytest.approx(min(1, 2 * difference.p))


DIFFERENT: dict[str, dict[str, Any]] = {
    "max_clicks of the protocol is 20 in in memory, 10": {"protocol": {"max_clicks": 10}},
    "threshold of the protocol": {"protocol": {"threshold": 0.5}},
    "protocol is 'core/ritm'": {"protocol": {"name": "core/gto99"}},
    "version of the protocol": {"protocol": {"version": 2}},
    "robot of the protocol": {"protocol": {"robot": "core/gto99"}},
    "ignore of the protocol": {"protocol": {"ignore": "nothing"}},
    "the dataset's ignore rule": {"dataset": {"ignore": "code 7"}},
    "dataset is 'toy/shapes'": {"dataset": {"name": "toy/others"}},
}


@pytest.mark.parametrize("says", DIFFERENT)
def test_runs_under_different_rules_are_never_paired(good: Run, says: str) -> None:
    other = changed(good, **DIFFERENT[says])
    with pytest.raises(UserError, match=f"cannot be compared .* object by object: {re.escape(says)}"):
        require_comparable(good, other)
    assert not compute_report([good, other]).comparisons


def test_runs_of_different_objects_are_never_paired(good: Run) -> None:
    first, *others = good.records
    unfinished = replace(good, records=tuple(others))
    assert "has no record of 1 of the objects, the first is 'shape0#1'" in str(explain_difference(good, unfinished))
    assert "has no record of 1 of the objects" in str(explain_difference(unfinished, good))
    assert explain_difference(replace(good, records=(first,)), unfinished) == "they have no object in common"
    other_mask = replace(first, initial=first.initial._replace(fn=first.initial.fn + 1))
    differs = replace(good, records=(other_mask, *others))
    assert re.match(r"shape0#1 has \d+ pixels of 40 x 56 in .*, \d+ pixels", str(explain_difference(good, differs)))
    assert not compute_report([good, unfinished, differs]).comparisons


def test_what_protocols_report_is_no_rule(good: Run) -> None:
    require_comparable(good, changed(good, protocol={"noc_at": [0.95], "iou_at": [5]}))


def test_runs_that_differ_in_the_seed_alone_are_averaged(good: Run, bad: Run) -> None:
    """The second is a stand-in with the same settings and other clicks."""
    repeated = replace(bad, settings={**good.settings, "seed": 1})
    (entry,) = compute_report([good, repeated]).entries
    assert entry.runs == (good, repeated)
    values = [compute_row(each)["NoC@90"] for each in (good, repeated)]
    measure = entry.estimates["NoC@90"].measure
    assert measure.value == pytest.approx(np.mean(values))
    assert measure.spread == pytest.approx(np.std(values, ddof=1))
    (row,) = compute_rows(compute_report([good, repeated]))
    assert (row["seed"], row["NoC@90 sd"]) == ("0, 1", measure.spread)
    (shown,) = format_rows(compute_report([good, repeated]))
    assert re.fullmatch(r"[\d.]+ \[[\d.]+, [\d.]+\] ±[\d.]+", shown["NoC@90"])


def test_runs_with_one_seed_or_other_settings_or_objects_are_not_averaged(good: Run) -> None:
    for other in (
        good,
        changed(good, seed=1, batch_size=2),
        replace(changed(good, seed=1), records=good.records[1:]),
    ):
        assert group_repeats([good, other]) == [(good,), (other,)]
    third = changed(good, seed=1)
    assert group_repeats([good, good, third]) == [(good, third), (good,)]


def test_one_image_has_no_interval_and_it_is_said(tmp_path: Path, iis: Callable) -> None:
    alone = run(tmp_path / "alone", limit=1).path
    shown = iis("report", alone, alone).stdout
    assert "a single image, no intervals" in shown
    assert "±" not in shown
    assert "[low" not in shown
    row, _ = json.loads(iis("report", alone, alone, "--json").stdout)
    assert row["NoC@90 low"] is row["NoC@90 high"] is None


def test_strata_hold_every_object_once_and_add_up(good: Run) -> None:
    for by in ("size", "components", "thinness", "image", "border"):
        strata = stratify([(good,)], by)
        ids = [record.id for groups in strata.values() for (part,) in groups for record in part.records]
        assert sorted(ids) == sorted(good.ids), by
    assert list(stratify([(good,)], "image")) == [f"shape{number}.png" for number in range(6)]
    report = compute_report([good], by="size")
    whole, *parts = (entry.estimates["NoC@90"].measure for entry in report.entries)
    assert sum(part.parts.sum() for part in parts) == whole.parts.sum()


def with_facts(run: Run, facts: list[dict[str, Any] | None]) -> Run:
    records = (replace(record, facts=own) for record, own in zip(run.records, facts, strict=True))
    return replace(run, records=tuple(records))


def test_strata_are_in_order(good: Run) -> None:
    area = [record.initial.fn for record in good.records]
    shares = [0.01, 0.2, 0.05, 0.2, 0.1, 0.03, 0.5, 0.01]
    borders = [max(1, round(share * size)) for share, size in zip(shares, area, strict=True)]
    facts = [
        {"class": name, "components": count, "border": border, "many": 10**place / 7}
        for place, (name, count, border) in enumerate(zip("bbaacbab", [1, 2, 4, 5, 9, 1, 1, 1], borders, strict=True))
    ]
    known = with_facts(good, facts)
    assert list(stratify([(known,)], "class")) == ["a", "b", "c"]
    assert list(stratify([(known,)], "components")) == ["1", "2 to 4", "5 or more"]
    assert next(iter(stratify([(known,)], "thinness"))) == "below 3 %"
    assert list(stratify([(known,)], "thinness"))[-1] == "12 % or more"
    assert len(stratify([(known,)], "many")) == 8


def test_many_numbers_make_quarters(good: Run) -> None:
    records = [
        replace(good.records[0], id=str(place), facts={"difficulty": place / 100}) for place in range(100)
    ]  # fmt: skip
    strata = stratify([(replace(good, records=tuple(records)),)], "difficulty")
    assert [len(part.records) for groups in strata.values() for (part,) in groups] == [25] * 4
    assert next(iter(strata)).startswith("below 0.2475")


def test_what_records_do_not_say_makes_no_strata(good: Run) -> None:
    with pytest.raises(UserError, match=r"does not say the components of shape0#1: its records are from before"):
        stratify([(with_facts(good, [None] * 8),)], "components")
    with pytest.raises(UserError, match=r"does not say the component of shape0#1.*components"):
        stratify([(good,)], "component")
    with pytest.raises(UserError, match=r"does not say the class of shape0#1; it says size, image, components"):
        stratify([(good,)], "class")
    assert stratify([(with_facts(good, [None] * 8),)], "size")


def test_a_report_by_size_prints_strata_and_their_differences(tmp_path: Path, iis: Callable) -> None:
    paths = [run(tmp_path / f"{shrink}", model_keywords={"shrink": shrink}).path for shrink in (0.8, 0.7)]
    shown = iis("report", *paths, "--by", "size").stdout
    assert f"{paths[0]} by size" in shown
    assert f"{paths[1]} against {paths[0]}, 8 objects in 6 images" in shown
    assert re.search(rf"20 % or more: {paths[1]} against {paths[0]}, \d objects in \d images", shown)
    rows = json.loads(iis("report", *paths, "--by", "size", "--json").stdout)
    assert [row["size"] for row in rows[:2]] == ["all", "all"]
    assert sum(row["objects"] for row in rows[2::2]) == 8
    assert rows[1]["compared with"] == str(paths[0])
    assert iis("report", *paths, "--by", "size", "--table", "noc90").returncode == 2


@pytest.fixture
def models(good: Run, bad: Run) -> list[Run]:
    """Two models on two datasets; names that LaTeX and Markdown would take for more."""
    return [
        changed(each, model={"name": name}, dataset={"name": f"datasets/{dataset}"}, weights_sha256=name)
        for dataset in ("grabcut", "r&d_100%")
        for name, each in (("a_b/50%&more", good), ("ritm/hrnet18s", bad))
    ]


def test_models_are_rows_and_datasets_are_columns(models: list[Run]) -> None:
    rows = json.loads(write_report(compute_report(models), "json", "noc90"))
    assert [row["NoC@90: model"] for row in rows[:2]] == ["a_b/50%&more", "ritm/hrnet18s"]
    assert rows[0]["grabcut"] == rows[0]["r&d_100%"] == compute_row(models[0])["NoC@90"]
    assert rows[1]["grabcut low"] < rows[1]["grabcut"] < rows[1]["grabcut high"]
    assert {row["quoted"] for row in rows[:2]} == {""}
    assert (
        write_report(compute_report(models), "csv", "NoC@90")
        .splitlines()[0]
        .startswith("NoC@90: model,protocol,grabcut")
    )


def test_runs_of_one_model_are_told_apart_by_what_differs(good: Run) -> None:
    runs = [good, changed(good, batch_size=2), changed(good, batch_size=2, identity=None)]
    labels = [row["NoC@90: model"] for row in json.loads(write_report(compute_report(runs), "json", "noc90"))]
    assert labels[0] == "toy/disks, batch_size=1"
    assert len(set(labels)) == len(labels)


def test_a_number_that_is_not_there_has_near_matches(good: Run) -> None:
    with pytest.raises(UserError, match=r"no number 'noc91'.*noc90"):
        write_report(compute_report([good]), "csv", "noc91")


def test_the_best_is_bold_the_second_underlined_and_quoted_rows_are_grey() -> None:
    grid = Grid(
        ("a_b", "n"),
        [
            Line([Cell("x_1"), Cell(1.5, rank="best", is_significant=True)]),
            Line([Cell("50% & more"), Cell(2.5, rank="second")]),
            Line([Cell("p#"), Cell(3)], quoted="A & B"),
        ],
        1,
        ["a_note"],
    )
    latex = to_latex(grid)
    assert r"x\_1 & \textbf{1.50$^{*}$} \\" in latex
    assert r"50\% \& more & \underline{2.50} \\" in latex
    assert r"\textcolor{gray}{p\#} & \textcolor{gray}{3} \\" in latex
    markdown = to_markdown(grid)
    assert r"| x\_1 | **1.50\*** |" in markdown
    assert "| 50% \\& more | <u>2.50</u> |" in markdown
    assert r"| *p\#* | *3* |" in markdown
    assert "| --- | ---: |" in markdown


SPECIAL = "\\ { } $ & # ^ _ ~ % < > | [ ] * \" ' ` † ± \n \x1b é"


def test_latex_has_no_letter_left_that_means_more() -> None:
    escaped = escape_latex(SPECIAL)
    for command in (
        r"\textbackslash{}",
        r"\textasciitilde{}",
        r"\textasciicircum{}",
        r"\textless{}",
        r"\textgreater{}",
    ):
        assert command in escaped
        escaped = escaped.replace(command, "")
    escaped = re.sub(r"\\[{}$&#_%]", "", escaped)
    escaped = escaped.replace(r"\textbar{}", "").replace("$^{*}$", "").replace(r"\dag{}", "").replace(r"$\pm$", "")
    assert not set(escaped.replace("{[}", "")) & set("${}&#^_~%<>|\n\x1b")


@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="there is no pdflatex")
def test_latex_compiles(tmp_path: Path, models: list[Run]) -> None:
    grid = Grid((SPECIAL, "n"), [Line([Cell(SPECIAL), Cell(SPECIAL, rank="best")], quoted=SPECIAL)] * 2, 1, [SPECIAL])
    tables = [write_report(compute_report(models), "latex", number) for number in (None, "noc90")]
    preamble = r"\documentclass{article}\usepackage[T1]{fontenc}\usepackage{booktabs,xcolor}\begin{document}"
    (tmp_path / "table.tex").write_text("\n\n".join([preamble, *tables, to_latex(grid), r"\end{document}"]))
    command = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "table.tex"]
    made = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert made.returncode == 0, made.stdout[-3000:]


@pytest.mark.parametrize("style", ["markdown", "latex"])
def test_a_report_is_written_for_papers(models: list[Run], style: str) -> None:
    text = write_report(compute_report(models), style)
    name = r"a\_b/50\%\&more" if style == "latex" else r"a\_b/50%\&more"
    assert name in text
    assert "NoC@90" in text
    assert "8 objects in 6 images" in text


def test_seconds_that_are_no_number_are_refused(tmp_path: Path) -> None:
    folder = run(tmp_path / "run", limit=1).path
    assert folder is not None
    file = folder / "records.jsonl"
    file.write_text(re.sub(r'"model": [\d.e-]+', '"model": NaN', file.read_text(), count=1))
    with pytest.raises(UserError, match=r"line 1 is damaged .*NaN is no number"):
        read_run(folder)


def test_a_run_of_another_format_is_refused(tmp_path: Path, iis: Callable) -> None:
    folder = run(tmp_path / "run", limit=1).path
    assert folder is not None
    description = json.loads((folder / "run.json").read_text())
    (folder / "run.json").write_text(json.dumps({**description, "format": 1}))
    result = iis("report", folder)
    assert result.returncode == 2
    assert "has format 1, this version reads format 2" in result.stderr


def test_an_unfinished_run_is_reported_and_not_compared(tmp_path: Path, iis: Callable) -> None:
    whole, part = run(tmp_path / "whole").path, run(tmp_path / "part").path
    assert part is not None
    lines = (part / "records.jsonl").read_text().splitlines(keepends=True)
    (part / "records.jsonl").write_text("".join(lines[:6]))
    shown = iis("report", whole, part).stdout
    assert "6 of 8" in shown
    assert f"{part} is not compared with {whole}: {part} has no record of 2 of the objects" in shown
    assert " against " not in shown
