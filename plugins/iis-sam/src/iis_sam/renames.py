"""Names of parameters: the published files' and transformers', to those of the networks here."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence

import torch
from torch import Tensor

Rules = Sequence[tuple[str, str]]

_ENCODER: Rules = (
    (r"^image_encoder\.trunk\.", "vision_encoder.backbone."),
    (r"^image_encoder\.neck\.convs\.(\d)\.conv\.", r"vision_encoder.neck.convs.\1."),
    (r"^image_encoder\.neck\.0\.", "vision_encoder.neck.conv1."),
    (r"^image_encoder\.neck\.1\.", "vision_encoder.neck.layer_norm1."),
    (r"^image_encoder\.neck\.2\.", "vision_encoder.neck.conv2."),
    (r"^image_encoder\.neck\.3\.", "vision_encoder.neck.layer_norm2."),
    (r"^image_encoder\.blocks\.", "vision_encoder.layers."),
    (r"^image_encoder\.(pos_embed|patch_embed)", r"vision_encoder.\1"),
    (r"^vision_encoder\.(.*)patch_embed\.proj\.", r"vision_encoder.\1patch_embed.projection."),
    (r"^vision_encoder\.(.+)\.norm(\d)\.", r"vision_encoder.\1.layer_norm\2."),
    (r"^vision_encoder\.backbone\.(.+)\.mlp\.layers\.0\.", r"vision_encoder.backbone.\1.mlp.proj_in."),
    (r"^vision_encoder\.backbone\.(.+)\.mlp\.layers\.1\.", r"vision_encoder.backbone.\1.mlp.proj_out."),
)
_PROMPTS: Rules = (
    (r"^sam_prompt_encoder\.", "prompt_encoder."),
    (r"^prompt_encoder\.point_embeddings\.", "prompt_encoder.point_embed."),
    (r"^prompt_encoder\.pe_layer\.positional_encoding_gaussian_matrix$", "shared_image_embedding.positional_embedding"),
    (r"^prompt_encoder\.mask_downscaling\.0\.", "prompt_encoder.mask_embed.conv1."),
    (r"^prompt_encoder\.mask_downscaling\.1\.", "prompt_encoder.mask_embed.layer_norm1."),
    (r"^prompt_encoder\.mask_downscaling\.3\.", "prompt_encoder.mask_embed.conv2."),
    (r"^prompt_encoder\.mask_downscaling\.4\.", "prompt_encoder.mask_embed.layer_norm2."),
    (r"^prompt_encoder\.mask_downscaling\.6\.", "prompt_encoder.mask_embed.conv3."),
)
_DECODER: Rules = (
    (r"^sam_mask_decoder\.(.+_attn.*)\.out_proj\.", r"mask_decoder.\1.o_proj."),
    (r"^sam_mask_decoder\.transformer\.(.+)\.mlp\.layers\.0\.", r"mask_decoder.transformer.\1.mlp.proj_in."),
    (r"^sam_mask_decoder\.transformer\.(.+)\.mlp\.layers\.1\.", r"mask_decoder.transformer.\1.mlp.proj_out."),
    (r"^sam_mask_decoder\.", "mask_decoder."),
    (r"^mask_decoder\.transformer\.(.*)norm(\d|_final_attn)\.", r"mask_decoder.transformer.\1layer_norm\2."),
    (r"^mask_decoder\.output_upscaling\.0\.", "mask_decoder.upscale_conv1."),
    (r"^mask_decoder\.output_upscaling\.1\.", "mask_decoder.upscale_layer_norm."),
    (r"^mask_decoder\.output_upscaling\.3\.", "mask_decoder.upscale_conv2."),
    (r"^mask_decoder\.hf_token\.", "mask_decoder.hq_token."),
    (r"^mask_decoder\.hf_mlp\.", "mask_decoder.hq_mask_mlp."),
    (r"^mask_decoder\.(.*mlps?.*|.*_head)\.layers\.0\.", r"mask_decoder.\1.proj_in."),
    (r"^mask_decoder\.(.*mlps?.*|.*_head)\.layers\.1\.", r"mask_decoder.\1.layers.0."),
    (r"^mask_decoder\.(.*mlps?.*|.*_head)\.layers\.2\.", r"mask_decoder.\1.proj_out."),
    (r"^mask_decoder\.compress_vit_feat\.0\.", "mask_decoder.compress_vit_conv1."),
    (r"^mask_decoder\.compress_vit_feat\.1\.", "mask_decoder.compress_vit_norm."),
    (r"^mask_decoder\.compress_vit_feat\.3\.", "mask_decoder.compress_vit_conv2."),
    (r"^mask_decoder\.embedding_encoder\.0\.", "mask_decoder.encoder_conv1."),
    (r"^mask_decoder\.embedding_encoder\.1\.", "mask_decoder.encoder_norm."),
    (r"^mask_decoder\.embedding_encoder\.3\.", "mask_decoder.encoder_conv2."),
    (r"^mask_decoder\.embedding_maskfeature\.0\.", "mask_decoder.mask_conv1."),
    (r"^mask_decoder\.embedding_maskfeature\.1\.", "mask_decoder.mask_norm."),
    (r"^mask_decoder\.embedding_maskfeature\.3\.", "mask_decoder.mask_conv2."),
    (r"^no_mem_embed$", "no_memory_embedding"),
)
_PUBLISHED: Rules = (*_ENCODER, *_PROMPTS, *_DECODER)
_SAM3: Rules = (
    (r"^tracker_model\.", ""),
    (r"^detector_model\.vision_encoder\.backbone\.", "vision_encoder.backbone."),
    (r"^tracker_neck\.", "vision_encoder.neck."),
)
_UNUSED = re.compile(
    # What follows objects through a video: names of the published files, then those of transformers.
    r"^(maskmem_tpos_enc$|no_mem_pos_enc$|no_obj_|mask_downsample\.|memory_attention\.|memory_encoder\.|obj_ptr_"
    r"|memory_|object_pointer_proj\.|temporal_positional_encoding_projection_layer\.|no_memory_positional_encoding$"
    r"|no_object_pointer$|occlusion_spatial_embedding_parameter$|spatial_perceiver\.|detector_model\.)"
)
_GAUSSIAN = "shared_image_embedding.positional_embedding"
_SAME_GAUSSIAN = "prompt_encoder.shared_embedding.positional_embedding"
_POINTS = "prompt_encoder.point_embed"


def rename_state(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Rename the parameters of a published file, or of a folder of transformers, and leave out those for videos.

    A name that no rule knows stays as it is, so that it is told as unexpected.

    Args:
        state: tensors by name.

    Returns:
        Tensors by the names of transformers' models for images.
    """
    is_published = any(name.startswith("image_encoder.") for name in state)
    rules = _PUBLISHED if is_published else _SAM3
    named = {_rename(name, rules): tensor for name, tensor in state.items()}
    renamed = {name: tensor for name, tensor in named.items() if not _UNUSED.match(name)}
    for one, other in ((_GAUSSIAN, _SAME_GAUSSIAN), (_SAME_GAUSSIAN, _GAUSSIAN)):
        if one in renamed:
            renamed.setdefault(other, renamed[one])
    return _stack_points(renamed) if is_published and "no_memory_embedding" in renamed else renamed


def holds_occlusion(names: Iterable[str]) -> bool | None:
    """Tell SAM 2.1 from SAM 2 by a parameter that it alone has; None where parameters for videos were left out."""
    found = set(names)
    if found & {"no_obj_embed_spatial", "occlusion_spatial_embedding_parameter"}:
        return True
    return False if any(name.startswith("memory_attention.") for name in found) else None


def _rename(name: str, rules: Rules) -> str:
    for pattern, replacement in rules:
        name = re.sub(pattern, replacement, name)
    return name


def _stack_points(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """Put the embeddings of the kinds of points into one tensor, as SAM 2 of transformers has them."""
    rows = [name for name in (f"{_POINTS}.{kind}.weight" for kind in range(4)) if name in state]
    others = {name: tensor for name, tensor in state.items() if name not in rows}
    return {**others, f"{_POINTS}.weight": torch.cat([state[name] for name in rows])} if rows else others
