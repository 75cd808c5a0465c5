"""Robust Video Matting (Lin et al., arXiv 2108.11515): each pixel's share of people, with a memory."""

from typing import Any

import cv2
import numpy as np

from ops.foreground.looks import SIDE, Seen, Square
from ops.openvino_cpu import cpu_settings
from schemas.values import Float32, Uint8

LONGEST_PX = 512
"""Longer side to which frames are reduced, pixels: the authors advise 256 to 512 for the part that finds people."""

GRID_PX = 16
"""The coarsest memory has one cell for so many pixels, so sides are multiples of it."""

MEMORY: tuple[tuple[int, int], ...] = ((2, 16), (4, 20), (8, 40), (16, 64))
"""Pixels of a cell and channels of the four memories."""

_PICTURE, _RATIO = "src", "downsample_ratio"
_MEMORIES = ("r1i", "r2i", "r3i", "r4i")
_ALPHA, _FIRST_MEMORY = 1, 2


class RobustMatting:
    """A ``ForegroundFinder`` with a memory, and a ``MaskFinder`` without, by Robust Video Matting in OpenVINO."""

    def __init__(self, network: Any) -> None:
        self._network = network
        self._requests: dict[tuple[int, int], Any] = {}
        self._memory: list[Float32] = []

    @staticmethod
    def is_of(network: Any) -> bool:
        """Returns whether a network of OpenVINO has the inputs of Robust Video Matting."""
        names = {_short(port) for port in network.inputs}
        return names == {_PICTURE, _RATIO, *_MEMORIES} and len(network.outputs) == _FIRST_MEMORY + len(MEMORY)

    def reset(self) -> None:
        """Forgets the frames so far."""
        self._memory = []

    def find(self, frame: Uint8) -> Float32:
        """Returns how much of each pixel is a person, see ``ForegroundFinder``; frames of another size start anew."""
        height, width = frame.shape[:2]
        scale = min(1.0, LONGEST_PX / max(height, width))
        size = (_whole(width * scale), _whole(height * scale))
        fresh = _empty(size)
        if [each.shape for each in self._memory] != [each.shape for each in fresh]:
            self._memory = fresh
        alpha, self._memory = self._infer(self._request(size), cv2.resize(frame, size), self._memory)
        return np.asarray(np.clip(cv2.resize(alpha, (width, height)), 0, 1), np.float32)

    def look(self, frame: Uint8, square: Square) -> Seen:
        """Looks at a square of a frame, see ``MaskFinder``, whatever came before."""
        alpha, _ = self._infer(self._request((SIDE, SIDE)), square.cut(frame), _empty((SIDE, SIDE)))
        return Seen.of(float(alpha.max()), alpha)

    def _request(self, size: tuple[int, int]) -> Any:
        """Returns the network for pictures of (width, height)."""
        import openvino as ov

        if size not in self._requests:
            network = self._network.clone()
            shapes: dict[str, list[int]] = {_PICTURE: [1, size[1], size[0], 3], _RATIO: []}
            shapes |= {name: list(each.shape) for name, each in zip(_MEMORIES, _empty(size), strict=True)}
            network.reshape({port: ov.PartialShape(shapes[_short(port)]) for port in network.inputs})
            compiled = ov.Core().compile_model(network, "CPU", cpu_settings(1))
            self._requests[size] = compiled.create_infer_request()
        return self._requests[size]

    def _infer(
        self, request: Any, picture: Uint8 | cv2.typing.MatLike, memory: list[Float32]
    ) -> tuple[Float32, list[Float32]]:
        """Returns the alpha ``(h, w)`` of a picture ``(h, w, 3)`` BGR, and the memory after it."""
        rgb = cv2.cvtColor(picture, cv2.COLOR_BGR2RGB).astype(np.float32)[None] / np.float32(255)
        given = {_PICTURE: rgb, _RATIO: np.array(1.0, np.float32), **dict(zip(_MEMORIES, memory, strict=True))}
        for number, port in enumerate(request.model_inputs):
            request.get_input_tensor(number).data[...] = given[_short(port)]
        request.infer()
        outputs = [
            np.array(request.get_output_tensor(number).data, np.float32)
            for number in range(_ALPHA, _FIRST_MEMORY + len(MEMORY))
        ]
        return outputs[0][0, :, :, 0], outputs[1:]


def _short(port: Any) -> str:
    """Returns a port's name as the authors' program has it, without TensorFlow's number."""
    return str(min(port.get_names(), key=len, default="")).split(":")[0]


def _whole(side: float) -> int:
    return max(round(side / GRID_PX), 1) * GRID_PX


def _empty(size: tuple[int, int]) -> list[Float32]:
    """Returns the memory before the first picture of (width, height)."""
    return [np.zeros((1, size[1] // cell, size[0] // cell, channels), np.float32) for cell, channels in MEMORY]
