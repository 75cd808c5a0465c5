"""Runs a detector's network on the CPU: OpenVINO for IR and ONNX, PyTorch for Ultralytics' own ``.pt``.

ONNX runs in OpenVINO too: it is as fast there as IR, and there is one path to test instead of two.
"""

import os
import tempfile
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np

from ops.detect.letterbox import fit_into, letterbox
from ops.openvino_cpu import cpu_settings, graph_file, reason_of
from schemas.errors import ModelError
from schemas.values import Float32, ModelFile, Uint8

USUAL_INPUT_PX = (640, 640)

LEAST_INPUT_PX = 40.0
"""Height of a person in the network's input from which most are found at a confidence of 0.1.

Measured on 30 frames of PETS and 15 of TUD-Campus, reduced and side by side in one input (IoU 0.4; PETS / TUD-Campus):

| height in the input, px | yolo11n INT8 | yolov8n INT8 | YOLOX-Nano |
| 9 to 13 | .12 / .00 | .39 / .03 | .23 / .03 |
| 13 to 19 | .76 / .04 | .83 / .27 | .79 / .20 |
| 19 to 27 | .96 / .34 | .96 / .64 | .96 / .66 |
| 27 to 38 | .98 / .68 | .97 / .88 | .99 / .83 |
| 38 to 54 | .95 / .85 | .93 / .88 | 1.0 / .89 |
| 54 to 76 | .93 / .95 | .95 / .95 | - / .93 |

It is the height in the input that counts: frames whose people were reduced to 10 to 40 pixels and then enlarged to 40
gave .91 to .98 on PETS and .79 to .92 on TUD-Campus, with yolo11n and YOLOX-Nano alike.
"""

Deliver = Callable[[Float32], None]


class Network(ABC):
    """A detector's network.

    Attributes:
        input_px: (width, height) of its input.
        classes: class names by index.
        centred: how frames are fitted into the input, see ``fit_into``.
        least_input_px: height of a person in the input from which most are found.
    """

    least_input_px = LEAST_INPUT_PX

    def __init__(self, model: ModelFile | None, input_px: tuple[int, int], classes: tuple[str, ...]) -> None:
        self.input_px = input_px
        self.classes = classes
        self.centred = model is None or model.layout != "yolox"

    @abstractmethod
    def submit(self, frame: Uint8, deliver: Deliver) -> None:
        """Runs the network on a frame.

        Args:
            frame: ``(H, W, 3)`` BGR; no longer needed when this returns.
            deliver: called with the output, batch dimension included, now or later, maybe from another thread, and
                not in order; the array is valid only during the call.
        """

    def wait(self) -> None:
        """Returns when every submitted frame has been delivered."""

    def _draw(self, frame: Uint8, canvas: Uint8) -> None:
        height, width = frame.shape[:2]
        letterbox(frame, fit_into((width, height), self.input_px, self.centred), canvas)


def open_network(model: ModelFile, cpus: int) -> Network:
    """Loads a detector for ``cpus`` threads.

    Raises:
        ModelError: the weights are damaged, or of a layout or format that is not a detector's.
    """
    if model.layout not in ("yolo", "yolox"):
        raise ModelError(f"weights {model.name!r} have an output of unknown layout; use a YOLO or YOLOX detector")
    if model.format == "pt":
        return TorchNetwork(model, cpus)
    if model.format in ("openvino", "onnx"):
        return OpenVinoNetwork(model, cpus)
    raise ModelError(f"weights {model.name!r} are of the format {model.format}, which is not for detectors")


class OpenVinoNetwork(Network):
    """OpenVINO on the CPU: this thread fits frames into the input while OpenVINO's own threads infer others.

    Colour order, scaling and layout are part of the compiled network, so a frame is handed over as bytes. Every stream
    has one thread, which infers a frame from start to end: the result does not depend on the number of streams.
    """

    def __init__(self, model: ModelFile, cpus: int) -> None:
        import openvino as ov

        try:
            network = ov.Core().read_model(graph_file(Path(model.path)))
            input_px = fix_input(network, model.input_px)
            compiled = ov.Core().compile_model(_with_preprocessing(network, model), "CPU", cpu_settings(cpus, cpus))
        except RuntimeError as error:
            reason = f"OpenVINO cannot load {model.path}: {reason_of(error)}; fetch or export it again"
            raise ModelError(reason) from error
        super().__init__(model, input_px, model.classes)
        # One job more than streams: it is filled while they work.
        self._queue = ov.AsyncInferQueue(compiled, cpus + 1)
        self._queue.set_callback(lambda request, deliver: deliver(request.get_output_tensor(0).data))

    def submit(self, frame: Uint8, deliver: Deliver) -> None:
        request = self._queue[self._queue.get_idle_request_id()]
        self._draw(frame, request.get_input_tensor(0).data[0])
        self._queue.start_async(userdata=deliver)

    def wait(self) -> None:
        self._queue.wait_all()


def fix_input(network: Any, wanted_px: tuple[int, int] | None) -> tuple[int, int]:
    """Gives an OpenVINO network of free input size a size; returns (width, height)."""
    if network.input(0).partial_shape.is_dynamic:
        width, height = wanted_px or USUAL_INPUT_PX
        network.reshape([1, 3, height, width])
    _, _, height, width = network.input(0).shape
    return width, height


def _with_preprocessing(network: Any, model: ModelFile) -> Any:
    """Returns the network with an input of ``(1, H, W, 3)`` uint8 BGR.

    Ultralytics' networks want RGB in 0..1, YOLOX's want BGR in 0..255.
    """
    from openvino import Layout, Type
    from openvino.preprocess import ColorFormat, PrePostProcessor

    steps = PrePostProcessor(network)
    given = steps.input()
    given.tensor().set_element_type(Type.u8).set_layout(Layout("NHWC")).set_color_format(ColorFormat.BGR)
    given.model().set_layout(Layout("NCHW"))
    prepared = given.preprocess().convert_element_type(Type.f32)
    if model.layout == "yolo":
        prepared.convert_color(ColorFormat.RGB).scale(255.0)
    return steps.build()


class TorchNetwork(Network):
    """An Ultralytics checkpoint in PyTorch on the CPU.

    Unpickling runs code, so ``storage.weights`` decides beforehand which checkpoints are allowed, by their sha256. What
    is loaded is a copy of the bytes that have it: the file may be another by now.
    """

    def __init__(self, model: ModelFile, cpus: int) -> None:
        import torch

        torch.set_num_threads(cpus)
        self._module, classes = read_checkpoint(model)
        super().__init__(model, model.input_px or USUAL_INPUT_PX, classes)
        self._canvas = np.empty((self.input_px[1], self.input_px[0], 3), np.uint8)

    def submit(self, frame: Uint8, deliver: Deliver) -> None:
        import torch

        self._draw(frame, self._canvas)
        rgb = np.ascontiguousarray(self._canvas[:, :, ::-1].transpose(2, 0, 1)[None])
        with torch.inference_mode():
            output = self._module(torch.from_numpy(rgb).float() / 255)
        deliver((output[0] if isinstance(output, tuple | list) else output).numpy())


def read_checkpoint(model: ModelFile) -> tuple[Any, tuple[str, ...]]:
    """Loads an Ultralytics checkpoint as a PyTorch module on the CPU, and the names of its classes by index.

    Raises:
        ModelError: it was altered since it was checked, or is of no network that Ultralytics knows.
    """
    with _quiet_ultralytics() as folder:
        from ultralytics.nn.tasks import load_checkpoint

        try:
            checked = str(_checked_copy(model, folder))
            module, _ = load_checkpoint(checked, device="cpu", fuse=True)  # type: ignore[no-untyped-call]
        except (TypeError, AttributeError, KeyError, RuntimeError, ModuleNotFoundError) as error:
            raise ModelError(f"Ultralytics cannot load {model.path}: {error}; export it to ONNX") from error
    return module, tuple(module.names[index] for index in sorted(module.names))


def _checked_copy(model: ModelFile, folder: Path) -> Path:
    content = Path(model.path).read_bytes()
    if sha256(content).hexdigest() != model.sha256:
        raise ModelError(f"weights {model.path} were altered since they were checked: see `nightshift models verify`")
    copy = folder / "checked.pt"
    copy.write_bytes(content)
    return copy


@contextmanager
def _quiet_ultralytics() -> Iterator[Path]:
    """Keeps Ultralytics from the network, from installing packages, and from writing settings into the user's home.

    Yields a private folder, which exists for the block's duration. Ultralytics reads these variables when it is
    imported for the first time, and only then.
    """
    with tempfile.TemporaryDirectory() as folder:
        wanted = {
            "YOLO_CONFIG_DIR": folder,
            "YOLO_OFFLINE": "true",
            "YOLO_AUTOINSTALL": "false",
            "YOLO_VERBOSE": "false",
        }
        before = {name: os.environ.get(name) for name in wanted}
        os.environ.update(wanted)
        try:
            yield Path(folder)
        finally:
            for name, value in before.items():
                if value is None:
                    del os.environ[name]
                else:
                    os.environ[name] = value
