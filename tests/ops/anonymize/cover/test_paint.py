"""Paint replaces what is under the mask, and nothing else."""

import numpy as np
import pytest

from ops.anonymize.cover.paint import block_size, paint_blocks, paint_flat
from tests.ops.people import HEIGHT, WIDTH, noise_frames


@pytest.mark.parametrize("count", [1, 7, 40])
def test_paint_leaves_nothing_but_its_colour_and_nothing_else_changed(count: int) -> None:
    before = noise_frames(1)[0]
    mask = np.zeros((HEIGHT, WIDTH), np.uint8)
    mask.ravel()[:: max(mask.size // count, 1)] = 255
    after = before.copy()
    paint_flat(after, mask, (1, 2, 3))
    assert (after[mask > 0] == (1, 2, 3)).all()
    assert (after[mask == 0] == before[mask == 0]).all()


def test_blocks_hold_the_mean_of_their_pixels_up_to_the_last_row() -> None:
    before = noise_frames(1, size=(50, 35))[0]
    after = before.copy()
    paint_blocks(after, np.full((35, 50), 255, np.uint8), 8)
    assert np.abs(after[:8, :8].astype(float) - before[:8, :8].mean(axis=(0, 1))).max() <= 1
    assert len(np.unique(after[32:, 48:].reshape(-1, 3), axis=0)) == 1


def test_blocks_grow_with_people() -> None:
    assert block_size(np.empty((0, 4)), 16) == 16
    assert block_size(np.array([[0, 0, 60, 200.0]]), 16) == 16
    assert block_size(np.array([[0, 0, 200, 600.0], [0, 0, 10, 20.0]]), 16) == 40
