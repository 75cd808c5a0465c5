"""U-2-Net (Qin et al., arXiv 2005.09007): what is salient in a picture, which need not be a person."""

from typing import Any

import cv2
import numpy as np

from ops.foreground.looks import Seen, Square
from ops.openvino_cpu import cpu_settings
from schemas.values import Float32, Uint8

SIDE = 320
"""Side of the network's input, pixels."""

_SIDE_OUTPUTS = 7
_MEAN, _SPREAD = np.array([0.485, 0.456, 0.406], np.float32), np.array([0.229, 0.224, 0.225], np.float32)


class U2Net:
    """A ``ForegroundFinder`` and ``MaskFinder`` by U-2-Net, or its small version, in OpenVINO."""

    def __init__(self, network: Any) -> None:
        import openvino as ov

        self._request = ov.Core().compile_model(network, "CPU", cpu_settings(1)).create_infer_request()

    @staticmethod
    def is_of(network: Any) -> bool:
        """Returns whether a network of OpenVINO has U-2-Net's input and its seven outputs."""
        ports = [*network.inputs, *network.outputs]
        if not all(port.partial_shape.is_static for port in ports) or len(network.inputs) != 1:
            return False
        outputs = {tuple(port.shape) for port in network.outputs}
        one_map = outputs == {(1, 1, SIDE, SIDE)} and len(network.outputs) == _SIDE_OUTPUTS
        return one_map and tuple(network.inputs[0].shape) == (1, 3, SIDE, SIDE)

    def find(self, frame: Uint8) -> Float32:
        """Returns what is salient, see ``ForegroundFinder``, scaled so that the most salient pixel has 1."""
        shares = _scaled(self._infer(frame))
        return np.asarray(cv2.resize(shares, (frame.shape[1], frame.shape[0])), np.float32)

    def look(self, frame: Uint8, square: Square) -> Seen:
        """Looks at a square of a frame, see ``MaskFinder``; somebody is present as far as anything is salient."""
        shares = self._infer(square.cut(frame))
        return Seen.of(float(shares.max()), _scaled(shares))

    def _infer(self, picture: Uint8) -> Float32:
        """Returns the fused map ``(SIDE, SIDE)``, 0..1, of a picture ``(H, W, 3)`` BGR."""
        resized = cv2.resize(picture, (SIDE, SIDE), interpolation=cv2.INTER_LINEAR)
        rgb = cv2.cvtColor(resized, cv2.COLOR_BGR2RGB).astype(np.float32)
        # As the authors' program: by the picture's own largest value, and then ImageNet's mean and deviation.
        scaled = (rgb / max(float(rgb.max()), 1.0) - _MEAN) / _SPREAD
        self._request.infer([np.ascontiguousarray(scaled.transpose(2, 0, 1)[None])])
        return np.array(self._request.get_output_tensor(0).data[0, 0], np.float32)


def _scaled(shares: Float32) -> Float32:
    low, high = float(shares.min()), float(shares.max())
    return np.asarray((shares - low) / max(high - low, 1e-6), np.float32)
