"""BlazePose (MediaPipe; Bazarevsky et al., 2020): a square in; a mask, and whether a person is there."""

from typing import Any

from ops.foreground.looks import SIDE, Seen, Square
from ops.openvino_cpu import cpu_settings
from schemas.values import Uint8

_PRESENCE, _MASK = (1, 1), (1, SIDE, SIDE, 1)


class BlazePose:
    """A ``MaskFinder`` by BlazePose in OpenVINO."""

    def __init__(self, network: Any) -> None:
        import openvino as ov

        shapes = _output_shapes(network)
        self._presence, self._mask = shapes.index(_PRESENCE), shapes.index(_MASK)
        compiled = ov.Core().compile_model(_with_preprocessing(network), "CPU", cpu_settings(1))
        self._request = compiled.create_infer_request()

    @staticmethod
    def is_of(network: Any) -> bool:
        """Returns whether a network of OpenVINO has BlazePose's input and outputs."""
        inputs = [tuple(port.shape) for port in network.inputs if port.partial_shape.is_static]
        shapes = _output_shapes(network)
        return inputs == [(1, SIDE, SIDE, 3)] and shapes.count(_PRESENCE) == 1 and shapes.count(_MASK) == 1

    def look(self, frame: Uint8, square: Square) -> Seen:
        """Looks at a square of a frame, see ``MaskFinder``."""
        self._request.get_input_tensor(0).data[0] = square.cut(frame)
        self._request.infer()
        presence = float(self._request.get_output_tensor(self._presence).data.ravel()[0])
        return Seen(presence, self._request.get_output_tensor(self._mask).data.reshape(SIDE, SIDE).copy())


def _output_shapes(network: Any) -> list[tuple[int, ...]]:
    """Returns the shapes of the outputs, () where a size may vary."""
    return [tuple(output.shape) if output.partial_shape.is_static else () for output in network.outputs]


def _with_preprocessing(network: Any) -> Any:
    """Returns the network with an input of ``(1, SIDE, SIDE, 3)`` uint8 BGR; it wants RGB in 0..1."""
    from openvino import Layout, Type
    from openvino.preprocess import ColorFormat, PrePostProcessor

    steps = PrePostProcessor(network)
    given = steps.input()
    given.tensor().set_element_type(Type.u8).set_layout(Layout("NHWC")).set_color_format(ColorFormat.BGR)
    given.model().set_layout(Layout("NHWC"))
    given.preprocess().convert_element_type(Type.f32).convert_color(ColorFormat.RGB).scale(255.0)
    return steps.build()
