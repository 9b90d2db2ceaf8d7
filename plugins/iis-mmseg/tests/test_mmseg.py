"""Networks of mmsegmentation as IIS models."""

from __future__ import annotations

import hashlib
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from iis_mmseg.configuration import read_configuration
from iis_mmseg.index import FAMILIES
from iis_mmseg.installed import find_shipped_configurations
from mmengine.config import Config
from mmengine.logging import HistoryBuffer
from mmengine.registry import DefaultScope
from mmseg.registry import MODELS

from iis_core import UserError, list_models, load_model
from iis_core.models.fusion import EncodingFusionModel
from iis_core.models.weights import save_model
from iis_core.testing import parametrize_with_checks

SIX = ("fcn_hr18", "segformer_mit-b0", "pspnet_r18-d8", "deeplabv3plus_r18-d8", "upernet_swin-tiny", "ocrnet_hr18")


def load(name: str = "mmseg/segformer_mit-b0", **keywords: Any) -> Any:
    torch.manual_seed(0)
    return load_model(name, **{"weights": "random", **keywords})


def photograph(height: int = 96, width: int = 130, batch: int = 1) -> torch.Tensor:
    return torch.rand(batch, 3, height, width, generator=torch.Generator().manual_seed(1))


def clicked(model: Any, x: torch.Tensor, **known: Any) -> list[torch.Tensor]:
    """The answers to three interactions."""
    z, answers = model.initialize_z(x, x[:, :1], **known), []
    pcs, ncs = (
        [[[(9, 9)]] * len(x), [[]] * len(x), [[(5, 60)]] * len(x)],
        [[[]] * len(x), [[(50, 20)]] * len(x), [[]] * len(x)],
    )
    for k in range(1, 4):
        y, z = model(x, z, pcs[:k], ncs[:k])
        answers.append(y)
    return answers


def test_every_family_has_a_configuration_in_the_installed_version() -> None:
    shipped = find_shipped_configurations()
    assert [config for config in FAMILIES.values() if not (shipped / config).is_file()] == []
    assert set(list_models("mmseg/*")) == {f"mmseg/{family}" for family in (*FAMILIES, "config")}
    assert set(SIX) <= set(FAMILIES)


def test_listing_and_showing_import_neither_torch_nor_the_library() -> None:
    program = (
        "from iis_core.cli.main import cli; import sys\n"
        "cli.main(['list', 'models', 'mmseg/*'], standalone_mode=False)\n"
        "print('heavy:', {'torch', 'mmseg', 'mmengine', 'mmcv'} & set(sys.modules))"
    )
    output = subprocess.run([sys.executable, "-P", "-c", program], capture_output=True, text=True, check=True).stdout
    assert "mmseg/ocrnet_hr18" in output
    assert output.splitlines()[-1] == "heavy: set()"


@parametrize_with_checks(*(f"mmseg/{name}" for name in (*SIX, "config")))
def test_it_keeps_the_contract(check: Callable[[], None]) -> None:
    check()


@pytest.mark.parametrize("name", SIX)
def test_with_intermediate_fusion_features_are_computed_once_and_change_nothing(name: str) -> None:
    model, x = load(f"mmseg/{name}", fusion="intermediate"), photograph(batch=2)
    assert isinstance(model, EncodingFusionModel)
    calls = []
    model.network.network.segmentor.backbone.register_forward_hook(lambda *_: calls.append(1))
    plain = clicked(model, x)
    assert len(calls) == 1
    features = model.encode(x)
    for ours, theirs in zip(clicked(model, x, features=features), plain, strict=True):
        assert torch.equal(ours, theirs)
    assert len(calls) == 2


@pytest.mark.parametrize("name", SIX)
def test_early_fusion_is_the_plain_network_as_long_as_the_maps_have_no_weight(name: str) -> None:
    torch.manual_seed(0)
    config = Config(read_configuration(FAMILIES[name]).model)
    with DefaultScope.overwrite_default_scope("mmseg"):
        plain = MODELS.build(config).eval()
    model, x = load(f"mmseg/{name}"), photograph()
    mean, std = (torch.tensor(v)[:, None, None] / 255 for v in ((123.675, 116.28, 103.53), (58.395, 57.12, 57.375)))
    padded = torch.nn.functional.pad((x - mean) / std, (0, 160 - 130, 0, 0), mode="replicate")
    with torch.no_grad():
        expected = plain.encode_decode(padded, [{"img_shape": (96, 160)}]).sigmoid()[..., :96, :130]
    for y in clicked(model, x):
        assert float((y - expected).abs().max()) < 1e-5
    with torch.no_grad():
        next(p for p in model.parameters() if p.ndim == 4 and p.shape[1] == 6)[:, 3:].normal_(std=3.0)
    assert not torch.allclose(clicked(model, x)[2], expected, rtol=0, atol=1e-5)


@pytest.mark.parametrize("fusion", ["early", "intermediate"])
@pytest.mark.parametrize("name", SIX)
def test_every_parameter_that_is_not_frozen_gets_a_gradient(name: str, fusion: str) -> None:
    model, x = load(f"mmseg/{name}", fusion=fusion).train(), photograph(batch=2)
    outputs, _ = model.logits(x, model.initialize_z(x, x[:, :1]), [[[(3, 4)], []]], [[[], [(9, 9)]]])
    outputs["y"].mean().backward()
    assert [n for n, p in model.named_parameters() if p.requires_grad and p.grad is None] == []


@pytest.mark.parametrize("name", ["pidnet-s", "ddrnet_23-slim", "knet-s3_r50-d8_fcn", "dpt_vit-b16", "segnext_mscan-t"])
def test_heads_and_features_of_other_forms(name: str) -> None:
    model, x = load(f"mmseg/{name}", fusion="intermediate"), photograph(64, 80, batch=2)
    assert all(torch.equal(a, b) for a, b in zip(clicked(model, x), clicked(model, x), strict=True))
    outputs, _ = model.train().logits(x, model.initialize_z(x, x[:, :1]), [[[], []]], [[[], []]])
    assert outputs["y"].shape == (2, 1, 64, 80)


def test_a_user_s_own_configuration(tmp_path: Path) -> None:
    file = tmp_path / "mine.py"
    shipped = find_shipped_configurations() / FAMILIES["fcn_hr18s"]
    file.write_text(f"_base_ = {str(shipped)!r}\ncustom_imports = dict(imports='not_installed')\n")
    model, x = load("mmseg/config", config=str(file)), photograph(64, 64)
    for ours, theirs in zip(clicked(model, x), clicked(load("mmseg/fcn_hr18s"), x), strict=True):
        assert torch.equal(ours, theirs)


@pytest.mark.parametrize("fusion", ["early", "intermediate"])
def test_a_model_folder_says_what_it_holds(fusion: str, tmp_path: Path) -> None:
    model, x = load("mmseg/fcn_hr18s", fusion=fusion, click_encoding="distances"), photograph(64, 64)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.01)
    folder = str(tmp_path / "model")
    save_model(folder, model)
    for name in ("mmseg/fcn_hr18s", "mmseg/config"):
        again: Any = load_model(name, weights=folder)
        assert again.origin.config == model.origin.config
        assert all(torch.equal(a, b) for a, b in zip(clicked(model, x), clicked(again, x), strict=True))
    with pytest.raises(UserError, match=r"holds a model with config hrnet/.*hr18s.*load it by that name"):
        load_model("mmseg/fcn_hr18", weights=folder)
    with pytest.raises(UserError, match="holds all weights: leave checkpoint out"):
        load_model("mmseg/fcn_hr18s", weights=folder, checkpoint="some.pth")


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """As the library writes it after training, with 19 classes and curves of losses; named as it publishes files."""
    content = Config.fromfile(find_shipped_configurations() / FAMILIES["fcn_hr18s"], import_custom_modules=False)
    content.model.pretrained = None
    content.model.decode_head.num_classes = 19
    content.model.backbone.norm_cfg.type = content.model.decode_head.norm_cfg.type = "BN"
    torch.manual_seed(5)
    with DefaultScope.overwrite_default_scope("mmseg"):
        trained = MODELS.build(content.model)
    curve = HistoryBuffer(np.arange(3.0), np.ones(3, dtype=np.int64))
    state = {**trained.state_dict(), "auxiliary_head.conv_seg.weight": torch.zeros(19, 8, 1, 1)}
    file = tmp_path_factory.mktemp("published") / "fcn.pth"
    torch.save({"state_dict": state, "meta": {"epoch": 3}, "message_hub": {"log_scalars": {"loss": curve}}}, file)
    return file.rename(file.with_name(f"fcn_hr18s-{hashlib.sha256(file.read_bytes()).hexdigest()[:8]}.pth"))


def test_a_checkpoint_of_other_classes_is_begun_from(checkpoint: Path) -> None:
    model = load("mmseg/fcn_hr18s", checkpoint=str(checkpoint))
    published = torch.load(checkpoint, weights_only=False)["state_dict"]
    state = model.network.network.segmentor.state_dict()
    assert torch.equal(state["backbone.conv1.weight"][:, :3], published["backbone.conv1.weight"])
    assert not state["backbone.conv1.weight"][:, 3:].any()
    assert torch.equal(state["decode_head.convs.0.conv.weight"], published["decode_head.convs.0.conv.weight"])
    assert state["decode_head.conv_seg.weight"].shape[0] == 1


def test_a_checkpoint_of_another_network_is_refused(checkpoint: Path) -> None:
    with pytest.raises(UserError, match=r"does not fit the network.*missing: "):
        load("mmseg/segformer_mit-b0", checkpoint=str(checkpoint))


def test_a_checkpoint_has_no_bases_of_matrix_decompositions(tmp_path: Path) -> None:
    trained = load("mmseg/segnext_mscan-t", fusion="intermediate").network.network.segmentor.state_dict()
    published = {name: value + 1 for name, value in trained.items() if not name.endswith(".ham.bases")}
    torch.save({"state_dict": published}, tmp_path / "segnext.pth")
    begun = load("mmseg/segnext_mscan-t", fusion="intermediate", checkpoint=str(tmp_path / "segnext.pth"))
    state = begun.network.network.segmentor.state_dict()
    assert torch.equal(state["decode_head.conv_seg.weight"], published["decode_head.conv_seg.weight"])
    assert torch.equal(state["decode_head.hamburger.ham.bases"], trained["decode_head.hamburger.ham.bases"])


def test_a_checkpoint_that_runs_code_is_refused(tmp_path: Path) -> None:
    class Malicious:
        def __reduce__(self) -> Any:
            return exec, (f"open({str(tmp_path / 'ran')!r}, 'w')",)

    torch.save({"state_dict": {}, "meta": Malicious()}, tmp_path / "bad.pth")
    with pytest.raises(UserError, match="is refused, it holds more than tensors"):
        load("mmseg/fcn_hr18s", checkpoint=str(tmp_path / "bad.pth"))
    assert not (tmp_path / "ran").exists()


@pytest.fixture
def server(checkpoint: Path) -> Iterator[str]:
    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, *args: Any) -> None: ...

    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(checkpoint.parent))) as serving:
        threading.Thread(target=serving.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{serving.server_port}"
        serving.shutdown()


def test_a_checkpoint_is_fetched_once_and_verified_by_its_name(
    checkpoint: Path, server: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("IIS_WEIGHTS", str(tmp_path))
    url = f"{server}/{checkpoint.name}"
    load("mmseg/fcn_hr18s", checkpoint=url)
    assert (tmp_path / checkpoint.name).read_bytes() == checkpoint.read_bytes()
    (checkpoint.parent / "other-00000000.pth").write_bytes(checkpoint.read_bytes())
    with pytest.raises(UserError, match=r"SHA-256 .* instead of 00000000"):
        load("mmseg/fcn_hr18s", checkpoint=f"{server}/other-00000000.pth")
    assert not (tmp_path / "other-00000000.pth").exists()
    for folder in ("a", "b"):
        (checkpoint.parent / folder).mkdir()
        (checkpoint.parent / folder / "iter_1.pth").write_bytes(checkpoint.read_bytes())
        load("mmseg/fcn_hr18s", checkpoint=f"{server}/{folder}/iter_1.pth")
    assert len(list(tmp_path.glob("*-iter_1.pth"))) == 2


@pytest.mark.parametrize(
    ("name", "keywords", "message"),
    [
        ("mmseg/fcn_hr18", {"weights": None}, "mmseg/fcn_hr18 has no published weights: give weights=PATH, or"),
        ("mmseg/fcn_hr18", {"fusion": "late"}, "has no fusion 'late'; it is one of early, intermediate"),
        ("mmseg/config", {}, "mmseg/config needs config=PATH, a configuration of mmsegmentation"),
        ("mmseg/config", {"config": "no/such.py"}, r"there is no configuration no/such.py, nor is it one of those in"),
        ("mmseg/config", {"config": "_base_/default_runtime.py"}, "holds no segmentation model: its `model` needs"),
        (
            "mmseg/config",
            {"config": "ccnet/ccnet_r50-d8_4xb4-160k_ade20k-512x512.py"},
            "needs compiled operators, which plain pip does not install: use another family",
        ),
        (
            "mmseg/config",
            {"config": "mask2former/mask2former_r50_8xb2-160k_ade20k-512x512.py"},
            "needs mmdetection, of which iis-mmseg knows nothing: use another family",
        ),
        (
            "mmseg/config",
            {"config": "mae/mae-base_upernet_8xb2-amp-160k_ade20k-512x512.py"},
            "takes images of 512x512 pixels only",
        ),
        ("mmseg/erfnet_fcn", {"fusion": "early"}, "by early fusion cannot answer.*fusion='intermediate' leaves"),
        ("mmseg/fcn_hr18", {"checkpoint": "no.pth"}, "no.pth cannot be read"),
    ],
)  # fmt: skip
def test_what_cannot_work_is_refused_with_the_remedy(name: str, keywords: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError, match=message):
        load(name, **keywords)


def test_a_configuration_that_is_no_program_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "broken.py").write_text("model = dict(\n")
    with pytest.raises(UserError, match=r"broken\.py cannot be read as a configuration: SyntaxError"):
        load("mmseg/config", config=str(tmp_path / "broken.py"))


LOADING = """
import iis_core
try: iis_core.load_model("mmseg/fcn_hr18s", weights="random")
except iis_core.UserError as error: print(error)
"""


def in_an_environment_with(folder: Path) -> str:
    """What loading a model prints where a folder comes before everything else that is installed."""
    command = [sys.executable, "-P", "-c", f"import sys; sys.path.insert(0, {str(folder)!r})\n{LOADING}"]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def test_classic_mmcv_beside_it_is_an_error_with_the_remedy(tmp_path: Path) -> None:
    info = tmp_path / "mmcv-2.1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: mmcv\nVersion: 2.1.0\n")
    output = in_an_environment_with(tmp_path)
    assert "mmcv cannot share an environment with iis-mmseg" in output
    assert "`pip uninstall mmcv`, then `pip install --force-reinstall`" in output


def test_without_mmsegmentation_the_error_says_what_to_install(tmp_path: Path) -> None:
    (tmp_path / "mmseg.py").write_text("raise ModuleNotFoundError(\"No module named 'mmseg'\")\n")
    output = in_an_environment_with(tmp_path)
    assert "mmsegmentation cannot be imported: No module named 'mmseg'; run pip install 'onedl-mmseg" in output


@pytest.mark.skipif("mmpretrain" in sys.modules, reason="mmpretrain was imported")
def test_without_mmpretrain_the_error_says_what_to_install(tmp_path: Path) -> None:
    (tmp_path / "mmpretrain.py").write_text("raise ModuleNotFoundError(\"No module named 'mmpretrain'\")\n")
    program = LOADING.replace("fcn_hr18s", "convnext-tiny_upernet")
    command = [sys.executable, "-P", "-c", f"import sys; sys.path.insert(0, {str(tmp_path)!r})\n{program}"]
    output = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert "run pip install 'iis-mmseg[mmpretrain]'" in output
