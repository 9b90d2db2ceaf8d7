"""Running a transformer's blocks, of which most attend within windows."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from torch import Tensor, nn

from iis_core.errors import UserError


def choose_global_blocks(depth: int, every: int) -> list[bool]:
    """Choose the blocks that attend everywhere: every so many of them, and the last.

    Args:
        depth: number of blocks.
        every: counted from 1, the blocks whose number is a multiple of this attend everywhere.

    Returns:
        For each block, whether it attends everywhere.

    Source: Li et al. 2022, Exploring Plain Vision Transformer Backbones for Object Detection.
    """
    return [number % every == 0 or number == depth for number in range(1, depth + 1)]


def run_blocks(
    blocks: Iterable[nn.Module], tokens: Tensor, windows: tuple[int, int], is_global: Sequence[bool]
) -> Tensor:
    """Run blocks in order, each everywhere or within windows that do not overlap.

    Args:
        blocks: modules from (B, N, C) to (B, N, C) that do not depend on the order of the N tokens, as those of a
            transformer.
        tokens: floating (B, h, w, C).
        windows: how many windows there are, from top to bottom and from left to right.
        is_global: for each block, whether it attends everywhere.

    Returns:
        (B, h, w, C).

    Raises:
        UserError: the tokens cannot be divided into so many windows.
    """
    batch, height, width, channels = tokens.shape
    rows, columns = windows
    if not (rows and columns) or height % rows or width % columns:
        raise UserError(f"{height} x {width} tokens cannot be divided into {rows} x {columns} windows of one size")
    # Blocks do not mind the order of the tokens they are given, so that the tokens stay in the order of the windows
    # from the first block to the last, and a block that attends everywhere is given a view of them.
    windowed = tokens.reshape(batch, rows, height // rows, columns, width // columns, channels).transpose(2, 3)
    x = windowed.reshape(batch * rows * columns, -1, channels)
    for block, attends_everywhere in zip(blocks, is_global, strict=True):
        x = block(x.reshape(batch if attends_everywhere else batch * rows * columns, -1, channels))
    windowed = x.reshape(batch, rows, columns, height // rows, width // columns, channels)
    return windowed.transpose(2, 3).reshape(tokens.shape)
