"""Published files and folders of transformers are read; other members of the family are recognised and named."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from iis_sam import build_network
from iis_sam.checkpoints import convert_weights
from iis_sam.configs import CONFIGS, SMALL_CONFIGS
from published import NAMES, SIZES, SMALL, published_shapes, published_state

from iis_core import UserError, list_models, load_model
from iis_core.models.weights import StoredWeights, save_model
from iis_core.plugins import ModelSpec
from iis_core.plugins.catalog import find


def stored(name: str) -> StoredWeights:
    """The weights of a published file, without their numbers."""
    state = {key: torch.empty(shape, device="meta") for key, shape in published_shapes()[name].items()}
    return StoredWeights(Path(f"{name}.pth"), state)


@pytest.mark.parametrize("name", SIZES)
def test_a_file_of_another_size_is_named(name: str) -> None:
    assert convert_weights(stored(name), {"network": CONFIGS[SIZES[name]]}).config is None
    for asked in {"vit-b", "hq-vit-h", "2-hiera-small", "2.1-hiera-tiny"} - {SIZES[name]}:
        message = rf"{name}\.pth holds the weights of sam/{SIZES[name]}, not of sam/{asked}: load it by that name"
        with pytest.raises(UserError, match=message):
            convert_weights(stored(name), {"network": CONFIGS[asked]})


def test_without_the_parameters_for_videos_sam_2_and_2_1_are_alike() -> None:
    whole = stored("sam2.1_hiera_tiny")
    images = {key: value for key, value in whole.state.items() if not key.startswith(("mem", "no_obj", "obj_ptr"))}
    for asked in ("2-hiera-tiny", "2.1-hiera-tiny"):
        convert_weights(StoredWeights(Path("images.pt"), images), {"network": CONFIGS[asked]})
    with pytest.raises(
        UserError, match=r"holds the weights of sam/2-hiera-tiny or sam/2\.1-hiera-tiny, not of sam/vit-b"
    ):
        convert_weights(StoredWeights(Path("images.pt"), images), {"network": CONFIGS["vit-b"]})


@pytest.mark.parametrize(
    ("state", "message"),
    [
        (None, r"another encoder \(TinyViT\?\), for which transformers has no class"),
        (["image_encoder.trunk.body.conv1.weight"], "looks like EdgeTAM's own file"),
        (
            ["conv1.weight", "fc.bias"],
            r"holds no Segment Anything .*\(it has conv1\.weight, fc\.bias, \.\.\.\): give a file",
        ),
    ],
)
def test_what_is_not_known_is_told(state: list[str] | None, message: str) -> None:
    weights = stored("sam_hq_vit_tiny")
    if state is not None:
        weights = StoredWeights(Path("file.pth"), {name: torch.zeros(1) for name in state})
    with pytest.raises(UserError, match=message):
        convert_weights(weights, {"network": CONFIGS["hq-vit-b"]})


@pytest.mark.parametrize("name", SMALL)
def test_nothing_is_missing_or_left_over(name: str, tmp_path: Path) -> None:
    state = published_state(name)
    some = next(key for key in state if "neck" in key and key.endswith("bias"))
    keywords = {"network": SMALL[name]}
    for wrong, message in (
        ({key: value for key, value in state.items() if key != some}, r"parameters 1 missing: vision_encoder\.neck"),
        ({**state, "image_encoder.extra": torch.zeros(1)}, r"parameters 1 unexpected: image_encoder\.extra"),
        ({**state, some: torch.zeros(7)}, r"parameters 1 of another shape: vision_encoder\.neck.* \(7,\) instead of"),
    ):
        torch.save({"model": wrong} if name == "sam2_micro" else wrong, tmp_path / "wrong.pth")
        with pytest.raises(UserError, match=message):
            load_model(NAMES[name], weights=str(tmp_path / "wrong.pth"), **keywords)


@pytest.mark.parametrize("model_type", SMALL_CONFIGS)
def test_a_folder_of_transformers_is_read(model_type: str, tmp_path: Path) -> None:
    torch.manual_seed(0)
    network = build_network(SMALL_CONFIGS[model_type])
    network.save_pretrained(tmp_path)
    name = next(f"sam/{name}" for name, config in CONFIGS.items() if config["model_type"] == model_type)
    model = load_model(name, weights=str(tmp_path))
    state = network.state_dict()
    assert all(torch.equal(value, state[key]) for key, value in model.network.state_dict().items())
    save_model(tmp_path / "again", model)
    again = load_model(name, weights=str(tmp_path / "again"))
    assert again.origin.config == model.origin.config
    assert all(torch.equal(value, state[key]) for key, value in again.network.state_dict().items())


def test_a_converted_checkpoint_gets_the_published_eps(tmp_path: Path) -> None:
    build_network(SMALL_CONFIGS["sam"]).save_pretrained(tmp_path)
    config = json.loads((tmp_path / "config.json").read_text())
    config["mask_decoder_config"]["layer_norm_eps"] = 1e-6
    # What old versions of transformers wrote into every part.
    config["vision_config"] |= {"_name_or_path": "", "torchscript": False, "top_k": 50, "torch_dtype": None}
    (tmp_path / "config.json").write_text(json.dumps(config))
    model = load_model("sam/vit-b", weights=str(tmp_path))
    norms = [
        module for module in model.network.mask_decoder.transformer.modules() if isinstance(module, torch.nn.LayerNorm)
    ]
    assert {module.eps for module in norms} == {1e-5}


def test_weights_for_videos_are_read_as_those_for_images(tmp_path: Path) -> None:
    """As the hub's repositories of SAM 2 have them."""
    build_network(SMALL_CONFIGS["sam2"]).save_pretrained(tmp_path)
    config = json.loads((tmp_path / "config.json").read_text())
    state = load_model("sam/2.1-hiera-tiny", weights=str(tmp_path)).network.state_dict()
    videos = {"memory_attention.layers.0.linear1.bias": torch.zeros(3), "no_object_pointer": torch.zeros(1, 3)}
    from safetensors.torch import save_file

    save_file(
        {**{key: value.clone().contiguous() for key, value in state.items()}, **videos}, tmp_path / "model.safetensors"
    )
    config |= {"model_type": "sam2_video", "enable_occlusion_spatial_embedding": False, "num_maskmem": 7}
    (tmp_path / "config.json").write_text(json.dumps(config))
    assert load_model("sam/2-hiera-tiny", weights=str(tmp_path)).network.config.model_type == "sam2"


def test_sam_3s_tracker_is_taken_out_of_the_whole(tmp_path: Path) -> None:
    network = build_network(SMALL_CONFIGS["sam3_tracker"])
    network.save_pretrained(tmp_path)
    config = json.loads((tmp_path / "config.json").read_text())
    prefixes = {
        "vision_encoder.backbone.": "detector_model.vision_encoder.backbone.",
        "vision_encoder.neck.": "tracker_neck.",
    }
    state = {}
    for key, value in network.state_dict().items():
        prefix = next((prefix for prefix in prefixes if key.startswith(prefix)), "")
        state[prefixes.get(prefix, "tracker_model.") + key.removeprefix(prefix)] = value.clone().contiguous()
    from safetensors.torch import save_file

    save_file({**state, "detector_model.text_encoder.x": torch.zeros(1)}, tmp_path / "model.safetensors")
    whole = {"model_type": "sam3_video", "tracker_config": config, "detector_config": {}}
    (tmp_path / "config.json").write_text(json.dumps(whole))
    model = load_model("sam/3", weights=str(tmp_path))
    assert torch.equal(model.network.no_memory_embedding, network.no_memory_embedding)


def test_a_pickle_of_a_whole_model_is_refused(tmp_path: Path) -> None:
    torch.save(torch.nn.Linear(1, 1), tmp_path / "whole.pth")
    with pytest.raises(UserError, match="is refused, it holds more than tensors and plain values"):
        load_model("sam/vit-b", weights=str(tmp_path / "whole.pth"))


def test_every_registered_model_is_complete() -> None:
    names = list_models("sam/*")
    assert set(names) == {f"sam/{name}" for name in CONFIGS}
    for name in names:
        spec = find(ModelSpec, name).spec
        assert spec.paper
        assert spec.weights.hub
        assert spec.weights.licence == ("SAM License" if name == "sam/3" else "Apache-2.0")


@pytest.mark.slow
def test_a_published_file_becomes_a_model_folder(published_file: Callable[[str], Path], tmp_path: Path) -> None:
    model: Any = load_model("sam/2.1-hiera-tiny", weights=str(published_file("sam2.1_hiera_tiny")))
    save_model(tmp_path / "folder", model)
    again: Any = load_model("sam/2.1-hiera-tiny", weights=str(tmp_path / "folder"))
    state = again.network.state_dict()
    assert all(torch.equal(value, state[key]) for key, value in model.network.state_dict().items())
