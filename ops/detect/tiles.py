"""Looks at a frame as a whole and, for people too small for the network's input, in overlapping tiles at larger scales.

The looks form a pyramid. The first is the whole frame, fitted into the input. At 1920x1080 and an input of 640 pixels a
person of 60 pixels is 20 pixels high there, and networks miss half of such people. Each further level enlarges by up to
``LARGEST_STEP``, until a person of the wanted least height is ``LEAST_INPUT_PX`` high in the input. A level adds boxes
up to a size only, its tallest: larger ones are whole, and found, in the level before. Tiles overlap by that size, so
each such box is whole in at least one tile, and a box at a tile's inner border is dropped as a part of one. Slicing
follows Akyon et al., "Slicing Aided Hyper Inference" (ICIP 2022); size bands per level follow image pyramids.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from math import ceil, inf, log

import numpy as np

from ops.boxes import inside_shares, iou_matrix, keep_first, size
from ops.detect.backends import LEAST_INPUT_PX, Network
from ops.detect.decode import Boxes, Decoder
from ops.detect.letterbox import Fit, fit_into, to_source
from schemas.values import Float32, Uint8

LARGEST_STEP = 2.5
"""Largest ratio of the scales of two levels: larger ones need fewer levels, but more overlap of the tiles."""

MOST_OVERLAP = 0.6
"""Largest overlap of tiles, as a share of the input's shorter side; it limits the step of small inputs."""

LEAST_STEP = 1.25
"""No level is added for less than this; LEAST_INPUT_PX is not as exact. Inputs below 139 px allow no such step."""

BAND_MARGIN = 1.5
"""A level adds boxes up to this multiple of the level before's least height: recall there still rises (table of
``LEAST_INPUT_PX``). A choice, not measured."""

TOUCH_INPUT_PX = 4.0
"""A box that ends this close to a tile's inner border, in pixels of the input, may be cut by it."""

SAME_IOU = 0.5
"""Overlap (IoU) above which boxes of one class from two looks are one."""

PART_SHARE = 0.8
"""Share of a box that lies inside a surer box of one class from another look above which it is a part of that.

A choice, not measured."""


@dataclass(frozen=True)
class Look:
    """A part of the frame, and the scale at which the network sees it.

    Attributes:
        x1, y1, x2, y2: the part, px of the frame, right and bottom exclusive.
        level: 0 for the whole frame, then by scale.
        scale: pixels of the network's input per pixel of the frame.
        largest_px: longer side of the largest box that it adds, px of the frame.
        least_height_px: least height of a person that is found with this look, px of the frame.
    """

    x1: int
    y1: int
    x2: int
    y2: int
    level: int
    scale: float
    largest_px: float
    least_height_px: float


def pyramid(
    frame_px: tuple[int, int], input_px: tuple[int, int], least_person_px: float, least_input_px: float = LEAST_INPUT_PX
) -> tuple[Look, ...]:
    """Returns the looks at a frame, the whole first, then the tiles by level, row and column.

    There are no tiles where the whole frame is large enough in the input, or where the input is too small for tiles.

    Args:
        frame_px, input_px: (width, height).
        least_person_px: least height of a person to find, px of the frame.
        least_input_px: height in the input from which the network finds most people.
    """
    width, height = frame_px
    scale = min(input_px[0] / width, input_px[1] / height)
    looks = [Look(0, 0, width, height, 0, scale, inf, least_input_px / scale)]
    missing = least_input_px / least_person_px / scale
    most_step = min(LARGEST_STEP, (MOST_OVERLAP * min(input_px) - 2 * TOUCH_INPUT_PX) / (BAND_MARGIN * least_input_px))
    if min(missing, most_step) < LEAST_STEP:
        return tuple(looks)
    levels = ceil(log(missing) / log(most_step))
    for level in range(1, levels + 1):
        largest_px = BAND_MARGIN * least_input_px / scale
        scale *= missing ** (1 / levels)
        overlap = largest_px + 2 * TOUCH_INPUT_PX / scale
        columns = _parts(width, int(input_px[0] / scale), overlap)
        rows = _parts(height, int(input_px[1] / scale), overlap)
        least_px = least_input_px / scale
        looks += [Look(x1, y1, x2, y2, level, scale, largest_px, least_px) for y1, y2 in rows for x1, x2 in columns]
    return tuple(looks)


def part_in(look: Look, frame_px: tuple[int, int], picture_px: tuple[int, int]) -> tuple[slice, slice]:
    """Returns the rows and columns of a look in a frame that was reduced; both sizes are (width, height)."""
    across, down = picture_px[0] / frame_px[0], picture_px[1] / frame_px[1]
    return slice(int(look.y1 * down), ceil(look.y2 * down)), slice(int(look.x1 * across), ceil(look.x2 * across))


def network_pyramid(network: Network, frame_px: tuple[int, int], least_person_px: float) -> tuple[Look, ...]:
    """Returns ``pyramid`` for a network."""
    return pyramid(frame_px, network.input_px, least_person_px, network.least_input_px)


def _parts(length: int, part: int, overlap: float) -> list[tuple[int, int]]:
    """Returns the fewest parts, evenly spaced, that cover a length and overlap by at least ``overlap``."""
    if part >= length:
        return [(0, length)]
    step = part - ceil(overlap) - 1  # a pixel less, since positions are rounded
    count = ceil((length - part) / step) + 1
    starts = np.linspace(0, length - part, count).round().astype(int).tolist()
    return [(start, start + part) for start in starts]


def submit_look(
    network: Network,
    decoder: Decoder,
    frame: Uint8,
    look: Look,
    deliver: Callable[[Boxes], None],
    source_px: tuple[int, int] | None = None,
) -> None:
    """Runs a network on one look at a frame.

    Args:
        network, decoder: of the same weights.
        frame: ``(H, W, 3)`` BGR; no longer needed when this returns.
        look: of ``pyramid`` for this frame's size.
        deliver: called with the boxes, px of the source, now or later, maybe from another thread.
        source_px: (width, height) of the source; None: the frame's.
    """
    part = frame[look.y1 : look.y2, look.x1 : look.x2]
    fit = fit_into((part.shape[1], part.shape[0]), network.input_px, network.centred)
    frame_px = (frame.shape[1], frame.shape[0])

    def receive(output: Float32) -> None:
        deliver(_located(decoder(output), look, fit, frame_px, source_px or frame_px))

    network.submit(part, receive)


def _located(found: Boxes, look: Look, fit: Fit, frame_px: tuple[int, int], source_px: tuple[int, int]) -> Boxes:
    """Returns the boxes of a look in pixels of the source, without those that other looks see better."""
    if look.level == 0:
        return Boxes(to_source(found.xyxy, fit, source_px), found.confidence, found.classes)
    boxes = to_source(found.xyxy, fit, (look.x2 - look.x1, look.y2 - look.y1))
    boxes += np.array([look.x1, look.y1] * 2, np.float32)
    near = TOUCH_INPUT_PX / look.scale
    cut = np.zeros(len(boxes), bool)
    for side, edge, is_inner in (
        (0, look.x1, look.x1 > 0),
        (1, look.y1, look.y1 > 0),
        (2, look.x2, look.x2 < frame_px[0]),
        (3, look.y2, look.y2 < frame_px[1]),
    ):
        if is_inner:
            cut |= np.abs(boxes[:, side] - edge) < near
    (rows,) = np.nonzero(~cut & (size(boxes).max(axis=1, initial=0) <= look.largest_px))
    scale = np.array([source_px[0] / frame_px[0], source_px[1] / frame_px[1]] * 2, np.float32)
    return Boxes(boxes[rows] * scale, found.confidence[rows], found.classes[rows])


def merge_looks(found: Sequence[Boxes]) -> Boxes:
    """Merges the boxes of several looks at one frame, surest first.

    A box is dropped if a surer one of the same class from another look is the same object, or if it is a part of that:
    enlarged, half a person looks like one. Boxes of one look are not compared, since its decoder has done that: the
    boxes of a single look are returned as they are.
    """
    if len(found) == 1:
        return found[0]
    looks = np.repeat(np.arange(len(found)), [len(boxes) for boxes in found])
    together = Boxes(
        np.concatenate([boxes.xyxy for boxes in found]),
        np.concatenate([boxes.confidence for boxes in found]),
        np.concatenate([boxes.classes for boxes in found]),
    )
    order = np.argsort(-together.confidence, kind="stable")
    together, looks = together.take(order), looks[order]
    boxes, classes = together.xyxy, together.classes
    clashes = (iou_matrix(boxes, boxes) > SAME_IOU) | (inside_shares(boxes, boxes) > PART_SHARE)
    clashes &= (classes[:, None] == classes[None]) & (looks[:, None] != looks[None])
    return together.take(np.nonzero(keep_first(clashes))[0])


def find_in_looks(network: Network, decoder: Decoder, picture: Uint8, looks: Sequence[Look]) -> Boxes:
    """Returns what a network finds in a picture with the given looks, px of the picture, surest first.

    It waits for the network, also for frames that others submitted.

    Args:
        network, decoder: of the same weights.
        picture: ``(H, W, 3)`` BGR.
        looks: of ``pyramid`` for this picture's size, at least one.
    """
    found: dict[int, Boxes] = {}
    for number, look in enumerate(looks):
        submit_look(network, decoder, picture, look, partial(found.__setitem__, number))
    network.wait()
    return merge_looks([found[number] for number in range(len(looks))])
