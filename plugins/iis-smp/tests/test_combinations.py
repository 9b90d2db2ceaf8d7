"""Every architecture with encoders of every kind, by both fusions; the table of docs/smp.md."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
import torch
from iis_smp.index import ARCHITECTURES

from iis_core import UserError, load_model

ENCODERS = ("resnet18", "mobilenet_v2", "efficientnet-b0", "tu-convnext_atto", "mit_b0")
FUSIONS = ("early", "intermediate")
PAGE = Path(__file__).parents[3] / "docs" / "smp.md"
BEGIN, END = "<!-- combinations -->", "<!-- end of combinations -->"


def history(interactions: int) -> tuple[Any, Any]:
    """Clicks of a batch of two, on alternate sides."""
    pcs = [[[(5 + k, 9)] if k % 2 else [] for _ in range(2)] for k in range(interactions)]
    ncs = [[[] if k % 2 else [(7, 100 - k)] for _ in range(2)] for k in range(interactions)]
    return pcs, ncs


def try_out(name: str, encoder: str, fusion: str) -> str:
    """Empty where the combination runs and every parameter that is not frozen gets a gradient; else the refusal."""
    torch.manual_seed(0)
    try:
        model: Any = load_model(name, weights="random", encoder_name=encoder, fusion=fusion)
    except UserError as error:
        return str(error)
    x = torch.rand(2, 3, 97, 131, generator=torch.Generator().manual_seed(1))
    z = model.initialize_z(x, x[:, :1])
    for interactions in (1, 20):
        y, _ = model(x, z, *history(interactions))
        assert y.shape == (2, 1, 97, 131)
        assert 0 <= float(y.min()) <= float(y.max()) <= 1
    y, _ = model(x, z, [[[], []]], [[[], []]])
    assert y.shape == (2, 1, 97, 131)
    outputs, _ = model.train().logits(x, z, *history(3))
    outputs["y"].pow(2).mean().backward()
    without = {name for name, parameter in model.network.named_parameters() if parameter.grad is None}
    assert without == set(model.origin.frozen)
    assert not [name for name, p in model.network.named_parameters() if name in without and p.requires_grad]
    return ""


def table(outcomes: dict[tuple[str, str, str], str]) -> str:
    """What runs, as Markdown, and why the rest does not."""
    rows = ["| | " + " | ".join(f"`{encoder}`" for encoder in ENCODERS) + " |", "|---" * (len(ENCODERS) + 1) + "|"]
    for architecture in ARCHITECTURES:
        cells = [
            ", ".join(fusion for fusion in FUSIONS if not outcomes[architecture, encoder, fusion]) or "refused"
            for encoder in ENCODERS
        ]
        rows.append(f"| `smp/{architecture}` | " + " | ".join(cells) + " |")
    refusals = dict.fromkeys(outcome for outcome in outcomes.values() if outcome)
    return "\n".join([*rows, "", *(f"- {refusal}" for refusal in refusals)])


@pytest.mark.slow
def test_the_table_in_the_docs_is_true() -> None:
    """With IIS_WRITE_DOCS=1 the table is written anew."""
    outcomes = {
        (architecture, encoder, fusion): try_out(f"smp/{architecture}", encoder, fusion)
        for architecture in ARCHITECTURES
        for encoder in ENCODERS
        for fusion in FUSIONS
    }
    assert sum(not outcome for outcome in outcomes.values()) >= 80
    before, rest = PAGE.read_text().split(BEGIN)
    _, after = rest.split(END)
    page = f"{before}{BEGIN}\n{table(outcomes)}\n{END}{after}"
    if os.environ.get("IIS_WRITE_DOCS") == "1":
        PAGE.write_text(page)
    assert PAGE.read_text() == page
