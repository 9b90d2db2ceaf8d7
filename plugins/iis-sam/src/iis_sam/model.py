"""The IIS models around the networks: an image is encoded once, a click costs the prompt encoder and the decoder."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch import Tensor

from iis_core import IISModel, UserError
from iis_core.clicks import order_clicks
from iis_core.models.state import join, take
from iis_core.types import Clicks, SignedClick, State
from iis_sam.frames import Frame

_PRECISIONS = {"fp32": None, "bf16": torch.bfloat16, "fp16": torch.float16}


@dataclass(frozen=True)
class Policy:
    """How a network is asked, by the keywords of the published evaluations.

    Args:
        multimask: when three masks are asked for, of which the one with the largest predicted IoU is the answer:
            "always", "first" (for a single click), or "never".
        previous_logits: whether the low-resolution logits of the last answer are the mask input of the next.
        clamp: the largest magnitude of logits that are fed back, None for no limit.
        precision: "fp32", or "bf16" or "fp16" to compute in 16 bits where torch's autocast does.

    Raises:
        UserError: a value is unknown or out of range.
    """

    multimask: str = "always"
    previous_logits: bool = True
    clamp: float | None = None
    precision: str = "fp32"

    def __post_init__(self) -> None:
        for name, choices in (("multimask", ("always", "first", "never")), ("precision", tuple(_PRECISIONS))):
            value = getattr(self, name)
            if value not in choices:
                raise UserError(f"{name} must be one of {', '.join(choices)}, not {value!r}")
        if self.clamp is not None and not self.clamp > 0:
            raise UserError(f"clamp must be above 0, or None for no limit, not {self.clamp}")

    def wants_several(self, clicks: int) -> bool:
        """Return whether three masks are asked for after this many clicks."""
        return self.multimask == "always" or (self.multimask == "first" and clicks <= 1)


class SAMModel(IISModel):
    """Segment Anything.

    y is the sigmoid of the logits at the image's size, z the image's features and the last low-resolution logits.
    Elements with different numbers of clicks go through the decoder apart, because no padding point is neutral. On a
    CPU, where a batch is no faster, all elements do, so that an answer does not depend on the others in any bit.

    Args:
        network: a `SamModel` of transformers, e.g. from `build_network`.
        frame: how images and clicks are brought into the network's square.
        policy: how the network is asked.

    Source: Kirillov et al. 2023, Segment Anything.
    """

    def __init__(self, network: Any, frame: Frame, policy: Policy) -> None:
        self.network = network
        self.frame = frame
        self.policy = policy
        self._known_position: tuple[Tensor, Tensor] | None = None

    @property
    def device(self) -> torch.device:  # type: ignore[override]  # follows the network
        """The device of the network's parameters."""
        parameter: Tensor = next(iter(self.network.parameters()))
        return parameter.device

    @torch.no_grad()
    def encode(self, x: Tensor) -> State:
        """Everything that the decoder needs of an image, float32, by name."""
        together = 1 if self._is_apart else len(x)
        with self._lower():
            encoded = [self._encode(self.frame.prepare(images)) for images in torch.split(x, together)]
        # The decoder takes longer where its layers leave the features in their own memory order.
        return join([{name: value.float().contiguous() for name, value in each.items()} for each in encoded])

    def initialize_z(
        self, image: Tensor, target: Tensor, initial_mask: Tensor | None = None, features: State | None = None
    ) -> State:
        """Keep the image's features, and that there are no logits yet.

        Args:
            image: as for `IISModel`.
            target: as for `IISModel`.
            initial_mask: it is not made use of.
            features: as returned by `encode`, which is called by default.
        """
        features = self.encode(image) if features is None else features
        return {"features": features, "logits": [None for _ in image]}

    @torch.no_grad()
    def __call__(self, x: Tensor, z: State, pcs: Clicks, ncs: Clicks) -> tuple[Tensor, State]:
        """Answer the clicks, as `IISModel.__call__`."""
        shape = (x.shape[-2], x.shape[-1])
        clicks = [order_clicks(pcs, ncs, element) for element in range(len(x))]
        answers: dict[int, Tensor] = {}
        for together in self._group(z, clicks):
            known = z if len(together) == len(x) else take(z, together)
            answers.update(zip(together, self._answer(known, [clicks[b] for b in together], shape), strict=True))
        logits = torch.stack([answers[element] for element in range(len(x))])
        y = self.frame.enlarge(logits, shape).sigmoid()
        return y, {**z, "logits": self._remember(logits)}

    @property
    def _is_apart(self) -> bool:
        return self.device.type == "cpu"

    def _group(self, z: State, clicks: Sequence[Sequence[SignedClick]]) -> list[list[int]]:
        """The elements that go through the decoder together."""
        groups = defaultdict(list)
        for element, own in enumerate(clicks):
            apart = element if self._is_apart else None
            groups[len(own), z["logits"][element] is None, apart].append(element)
        return [*groups.values()]

    def _answer(self, z: State, clicks: Sequence[Sequence[SignedClick]], shape: tuple[int, int]) -> Tensor:
        """Low-resolution logits (b, 1, h, w) of elements with equal numbers of clicks."""
        several = self.policy.wants_several(len(clicks[0]))
        with self._lower():
            sparse, dense = self._embed_prompts(z["logits"], clicks, shape)
            masks, scores = self._decode(z["features"], sparse, dense, several)
        best = scores.argmax(dim=1)
        return masks[torch.arange(len(best), device=best.device), best][:, None].float()

    def _embed_prompts(
        self, logits: Sequence[Tensor | None], clicks: Sequence[Sequence[SignedClick]], shape: tuple[int, int]
    ) -> tuple[Tensor, Tensor]:
        """Sparse embeddings (b, 1, n + 1, C), none without clicks as published, and dense ones (b, C, h, w)."""
        embed, batch = self.network.prompt_encoder, len(clicks)
        known = [one for one in logits if one is not None]
        masks = torch.stack(known) if known else None
        if not clicks[0]:
            _, dense = embed(None, None, None, masks)
            return dense.new_zeros(batch, 1, 0, dense.shape[1]), dense.expand(batch, -1, -1, -1)
        points = torch.stack([self.frame.place(own, shape) for own in clicks])[:, None].to(self.device)
        labels = torch.tensor([[[int(c.positive) for c in own]] for own in clicks], device=self.device)
        sparse, dense = embed(points, labels, None, masks)
        return sparse, dense

    def _remember(self, logits: Tensor) -> list[Tensor | None]:
        if not self.policy.previous_logits:
            return [None for _ in logits]
        limit = self.policy.clamp
        return [*(logits if limit is None else logits.clamp(-limit, limit))]

    def _lower(self) -> AbstractContextManager[Any]:
        lower = _PRECISIONS[self.policy.precision]
        return nullcontext() if lower is None else torch.autocast(self.device.type, lower)

    def _position(self, batch: int) -> Tensor:
        """The encoding of the places in an embedding, (batch, C, h, w), computed anew only where its matrix changes."""
        matrix = self.network.shared_image_embedding.positional_embedding
        known = self._known_position
        if known is None or known[0].device != matrix.device or not torch.equal(known[0], matrix):
            known = matrix.detach().clone(), self.network.get_image_wide_positional_embeddings().detach()
            self._known_position = known
        return known[1].expand(batch, -1, -1, -1)

    def _encode(self, pixels: Tensor) -> dict[str, Tensor]:
        return {"embedding": self.network.vision_encoder(pixels).last_hidden_state}

    def _decode(self, features: State, sparse: Tensor, dense: Tensor, several: bool) -> tuple[Tensor, Tensor]:
        """Masks (b, n, h, w) and their predicted IoUs (b, n)."""
        masks, scores = self.network.mask_decoder(
            image_embeddings=features["embedding"],
            image_positional_embeddings=self._position(len(sparse)),
            sparse_prompt_embeddings=sparse,
            dense_prompt_embeddings=dense,
            multimask_output=several,
        )
        return masks[:, 0], scores[:, 0]


class SAMHQModel(SAMModel):
    """SAM-HQ: of three masks only the best by predicted IoU gets the high-quality mask added and is returned.

    Args:
        network: a `SamHQModel` of transformers from `build_network`, which repairs its decoder.
        frame: as for `SAMModel`.
        policy: as for `SAMModel`.
        hq_token_only: give the mask of the high-quality token alone.

    Source: Ke et al. 2023, Segment Anything in High Quality.
    """

    def __init__(self, network: Any, frame: Frame, policy: Policy, *, hq_token_only: bool = False) -> None:
        super().__init__(network, frame, policy)
        self.hq_token_only = hq_token_only

    def _encode(self, pixels: Tensor) -> dict[str, Tensor]:
        encoded = self.network.vision_encoder(pixels)
        return {"embedding": encoded.last_hidden_state, "first_global_block": encoded.intermediate_embeddings[0]}

    def _decode(self, features: State, sparse: Tensor, dense: Tensor, several: bool) -> tuple[Tensor, Tensor]:
        masks, scores = self.network.mask_decoder(
            image_embeddings=features["embedding"],
            image_positional_embeddings=self._position(len(sparse)),
            sparse_prompt_embeddings=sparse,
            dense_prompt_embeddings=dense,
            multimask_output=several,
            hq_token_only=self.hq_token_only,
            intermediate_embeddings=[features["first_global_block"]],
        )
        return masks[:, 0, :1], scores[:, 0, :1]


class SAM2Model(SAMModel):
    """SAM 2 and 2.1, EdgeTAM and SAM 3's tracker, for still images.

    Args:
        network: a `Sam2Model`, `EdgeTamModel` or `Sam3TrackerModel` of transformers.
        frame: as for `SAMModel`.
        policy: as for `SAMModel`.

    Source: Ravi et al. 2024, SAM 2: Segment Anything in Images and Videos.
    """

    LEVELS: ClassVar[tuple[str, ...]] = ("high_res_0", "high_res_1", "embedding")
    """Names of the features, from fine to coarse."""

    def _encode(self, pixels: Tensor) -> dict[str, Tensor]:
        return dict(zip(self.LEVELS, self.network.get_image_embeddings(pixels), strict=True))

    def _decode(self, features: State, sparse: Tensor, dense: Tensor, several: bool) -> tuple[Tensor, Tensor]:
        masks, scores, *_ = self.network.mask_decoder(
            image_embeddings=features["embedding"],
            image_positional_embeddings=self._position(len(sparse)),
            sparse_prompt_embeddings=sparse,
            dense_prompt_embeddings=dense,
            multimask_output=several,
            high_resolution_features=[features[level] for level in self.LEVELS[:2]],
        )
        return masks[:, 0], scores[:, 0]
