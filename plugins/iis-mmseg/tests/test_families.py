"""The families by both fusions, and why the rest is refused; the table of docs/mmseg.md."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

import pytest
import torch
from iis_mmseg.index import FAMILIES

from iis_core import UserError, load_model

PAGE = Path(__file__).parents[3] / "docs" / "mmseg.md"
BEGIN, END = "<!-- families -->", "<!-- end of families -->"
FUSIONS = ("early", "intermediate")
LARGER = re.compile(r"r101|[-_]l(_|$)|-b_[fu]|base|large|mit-b[345]|hr48|vit-l|_[ms]48|_[ms]36|small")
"""Larger siblings of families that are tried out."""

REFUSED = (
    "beit/beit-base_upernet_8xb2-160k_ade20k-640x640.py",
    "ccnet/ccnet_r50-d8_4xb4-160k_ade20k-512x512.py",
    "mae/mae-base_upernet_8xb2-amp-160k_ade20k-512x512.py",
    "mask2former/mask2former_r50_8xb2-160k_ade20k-512x512.py",
    "maskformer/maskformer_r50-d32_8xb2-160k_ade20k-512x512.py",
    "point_rend/pointrend_r50_4xb4-160k_ade20k-512x512.py",
    "psanet/psanet_r50-d8_4xb4-160k_ade20k-512x512.py",
    "san/san-vit-b16_voc12aug-640x640.py",
    "vpd/vpd_sd_4xb8-25k_nyu-480x480.py",
)
"""One configuration of each folder of which none runs."""


def history(interactions: int) -> tuple[Any, Any]:
    """Clicks of a batch of two, on alternate sides."""
    pcs = [[[(5 + k, 9)] if k % 2 else [] for _ in range(2)] for k in range(interactions)]
    ncs = [[[] if k % 2 else [(7, 100 - k)] for _ in range(2)] for k in range(interactions)]
    return pcs, ncs


def try_out(name: str, **keywords: Any) -> str:
    """Empty where the model runs and every parameter that is not frozen gets a gradient; else the refusal."""
    torch.manual_seed(0)
    try:
        model: Any = load_model(name, weights="random", **keywords)
    except UserError as error:
        return re.sub(r"/\S*/configs/", "", str(error))  # the page is the same wherever it is written
    x = torch.rand(2, 3, 96, 130, generator=torch.Generator().manual_seed(1))
    y, _ = model(x, model.initialize_z(x, x[:, :1]), *history(3))
    again, _ = model(x, model.initialize_z(x, x[:, :1]), *history(3))
    assert y.shape == (2, 1, 96, 130)
    assert 0 <= float(y.min()) <= float(y.max()) <= 1
    assert torch.equal(y, again)
    outputs, _ = model.train().logits(x, model.initialize_z(x, x[:, :1]), *history(3))
    outputs["y"].pow(2).mean().backward()
    assert [n for n, p in model.network.named_parameters() if p.requires_grad and p.grad is None] == []
    return ""


def table(outcomes: dict[tuple[str, str], str], refusals: list[str]) -> str:
    """What runs, as Markdown, and why the rest does not."""
    rows = [f"| family | {' | '.join(FUSIONS)} |", "|---" * (len(FUSIONS) + 1) + "|"]
    for family in dict.fromkeys(family for family, _ in outcomes):
        cells = ["runs" if not outcomes[family, fusion] else "refused" for fusion in FUSIONS]
        rows.append(f"| `mmseg/{family}` | {' | '.join(cells)} |")
    reasons = dict.fromkeys([*(outcome for outcome in outcomes.values() if outcome), *refusals])
    return "\n".join([*rows, "", *(f"- {reason}" for reason in reasons)])


@pytest.mark.slow
def test_the_table_in_the_docs_is_true() -> None:
    """With IIS_WRITE_DOCS=1 the table is written anew. It needs mmpretrain."""
    outcomes = {
        (family, fusion): try_out(f"mmseg/{family}", fusion=fusion)
        for family in FAMILIES
        for fusion in FUSIONS
        if not LARGER.search(family)
    }
    refusals = [try_out("mmseg/config", config=config) for config in REFUSED]
    assert all(refusals)
    for fusion, least in (("early", 40), ("intermediate", 30)):
        assert sum(not outcome for (_, by), outcome in outcomes.items() if by == fusion) >= least
    before, rest = PAGE.read_text().split(BEGIN)
    _, after = rest.split(END)
    page = f"{before}{BEGIN}\n{table(outcomes, refusals)}\n{END}{after}"
    if os.environ.get("IIS_WRITE_DOCS") == "1":
        PAGE.write_text(page)
    assert PAGE.read_text() == page
