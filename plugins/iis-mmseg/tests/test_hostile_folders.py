"""A model folder brings numbers and plain values: none that it can hold runs code, imports or fetches anything."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from iis_mmseg.configuration import read_configuration
from iis_mmseg.index import FAMILIES

from iis_core import UserError, load_model
from iis_core.models.weights import save_model

NAME = "mmseg/fcn_hr18s"


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("sound") / "model"
    save_model(folder, load_model(NAME, weights="random"))
    return folder


@pytest.fixture
def folder(sound: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A model folder in a working folder with modules that leave a trace when they are imported."""
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "model.safetensors").symlink_to(sound / "model.safetensors")
    trace = f"open({str(tmp_path / 'ran')!r}, 'w')\n"
    (tmp_path / "planted.py").write_text(trace)
    (tmp_path / "scope").mkdir()
    for file in ("scope/__init__.py", "scope/registry.py", FAMILIES["fcn_hr18s"], "mine.py"):
        (tmp_path / file).parent.mkdir(exist_ok=True)
        (tmp_path / file).write_text(trace)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.chdir(tmp_path)
    return tmp_path / "model"


def describe(sound: Path, folder: Path, **changed: Any) -> None:
    """Write the folder's description, with other values in its config; None takes one out."""
    content = json.loads((sound / "model.json").read_text())
    content["config"] = {key: value for key, value in {**content["config"], **changed}.items() if value is not None}
    (folder / "model.json").write_text(json.dumps(content))


def change(part: str, **values: Any) -> str:
    model = read_configuration(FAMILIES["fcn_hr18s"], shipped=True).model
    within = {"model": model, "backbone": model["backbone"], "norm": model["backbone"]["norm_cfg"]}[part]
    within.update(values)
    return repr(model)


SYSTEM = {"type": "os.system", "command": "touch ran"}
MODELS = {
    "the whole model": repr(SYSTEM),
    "the backbone": change("model", backbone=SYSTEM),
    "a part that is not used": change("model", auxiliary_head=SYSTEM),
    "a loss": change("model", decode_head={"type": "FCNHead", "in_channels": 3, "channels": 3, "num_classes": 1}
                     | {"loss_decode": SYSTEM}),
    "a norm layer": change("norm", type="os.system"),
    "a planted module": change("backbone", type="planted"),
    "a name in a planted module": change("backbone", type="planted.Net"),
    "a planted scope in the name": change("backbone", type="scope.Net"),
    "a planted scope": change("backbone", _scope_="scope"),
    "a class by its path": change("backbone", type="mmseg.models.backbones.HRNet"),
    "a layer of another backbone": change("backbone", type="SwinTransformer", norm_cfg={"type": "os.system"}),
    "a backbone that fetches": repr({"type": "EncoderDecoder", "backbone": {"type": "TIMMBackbone",
                                    "model_name": "resnet18"}, "decode_head": {"type": "FCNHead"}}),
    "a model that fetches": repr({"type": "mmpretrain.HuggingFaceClassifier", "model_name": "resnet18"}),
    "pretrained": change("model", pretrained="http://127.0.0.1:9/net.pth"),
    "init_cfg": change("backbone", init_cfg={"type": "Pretrained", "checkpoint": "http://127.0.0.1:9/net.pth"}),
    "custom imports": change("model", custom_imports={"imports": "planted"}),
    "a call": "__import__('os').system('touch ran')",
    "a lambda": "{'type': lambda: 0}",
    "no dict": "[1, 2]",
    "nesting": "[" * 100_000,
    "a set": "{'type': {1, 2}}",
    "a number as a type": change("backbone", type=3),
}  # fmt: skip


@pytest.mark.parametrize("model", MODELS.values(), ids=MODELS)
def test_its_model_runs_nothing(model: str, sound: Path, folder: Path) -> None:
    describe(sound, folder, model=model)
    with pytest.raises(UserError, match=rf"{NAME}.*(is not registered|fetches files|cannot be built|model`)"):
        load_model(NAME, weights=str(folder))
    assert not (folder.parent / "ran").exists()


def test_its_model_may_be_that_of_the_name(sound: Path, folder: Path) -> None:
    describe(sound, folder)
    load_model(NAME, weights=str(folder))
    describe(sound, folder, model=change("model"))
    load_model("mmseg/config", weights=str(folder))


def test_it_names_no_program(sound: Path, folder: Path) -> None:
    describe(sound, folder, model=None, config="mine.py")
    with pytest.raises(UserError, match=r"name the configuration mine\.py.*give config=mine\.py to run it"):
        load_model("mmseg/config", weights=str(folder))
    assert not (folder.parent / "ran").exists()
    with pytest.raises(UserError, match="holds no segmentation model"):
        load_model("mmseg/config", weights=str(folder), config="mine.py")
    assert (folder.parent / "ran").exists()


def test_a_name_is_the_library_s_file_wherever_it_is_loaded(sound: Path, folder: Path) -> None:
    load_model(NAME, weights="random")
    describe(sound, folder, model=None)
    load_model(NAME, weights=str(folder))
    assert not (folder.parent / "ran").exists()


def test_it_names_no_other_weights(sound: Path, folder: Path) -> None:
    describe(sound, folder, checkpoint="http://127.0.0.1:9/net.pth")
    with pytest.raises(UserError, match="holds all weights: take checkpoint out of its config"):
        load_model(NAME, weights=str(folder))
