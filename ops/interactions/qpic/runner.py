"""Runs QPIC on frames: in OpenVINO on the CPU, in half precision in PyTorch on a GPU.

On the CPU the network is converted in memory, once for each size of frames, which takes seconds; after that OpenVINO is
about twice as fast as PyTorch and agrees with it to 1e-5 (docs/benchmarks.md).
"""

import warnings
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from ops.interactions.qpic.checkpoints import load_qpic
from ops.interactions.qpic.names import VCOCO_VERBS
from ops.interactions.qpic.network import Outputs, Qpic
from ops.interactions.qpic.pictures import normed, scaled, scaled_size
from ops.interactions.qpic.postprocess import Pairs, postprocess
from ops.interactions.qpic.settings import QpicSettings
from ops.interactions.verb_model import FoundVerbs, Look
from ops.openvino_cpu import cpu_settings, reason_of
from schemas.errors import ModelError
from schemas.values import ModelFile

GPU_BATCH = 4
"""Frames that a GPU looks at together. On a CPU it takes as long one by one, with less memory."""

WITHOUT_OBJECT = {"stand", "walk", "run", "smile"}
"""Verbs of V-COCO that are done to nothing; the network names an object all the same."""

Run = Callable[[Tensor], Outputs]
"""From ``(B, 3, H, W)`` to the outputs of the last layer."""


class QpicModel:
    """QPIC as a ``VerbModel``.

    Args:
        weights: a checkpoint of QPIC.
        short_px, long_px: to which frames are scaled, see ``scaled_size``.
        cpus: threads.

    Raises:
        ModelError: the weights are damaged, or of another network.
    """

    def __init__(self, weights: ModelFile, short_px: int, long_px: int, cpus: int) -> None:
        torch.set_num_threads(cpus)
        network, self._settings = load_qpic(weights.path)
        self._sizes = short_px, long_px
        self._run: Run = GpuRun(network) if torch.cuda.is_available() else OpenvinoRun(network, cpus)
        self.batch = GPU_BATCH if torch.cuda.is_available() else 1

    def find(self, looks: Sequence[Look], least_score: float, most_rows: int) -> list[FoundVerbs]:
        """Returns what the network finds in frames of one size; see ``VerbModel``."""
        height, width = looks[0].frame.shape[:2]
        size = scaled_size((width, height), *self._sizes)
        pictures = np.stack([normed(scaled(look.frame, size)) for look in looks])
        outputs = self._run(torch.from_numpy(pictures))
        sizes = torch.tensor([[height, width]] * len(looks))
        return [best_rows(pairs, self._settings, least_score, most_rows) for pairs in postprocess(outputs, sizes)]


def best_rows(pairs: Pairs, settings: QpicSettings, least_score: float, most_rows: int) -> FoundVerbs:
    """Returns the best rows of a picture, each a query and a verb, the best first; of equals the first query's.

    Args:
        least_score: rows below are left out, 0..1.
        most_rows: most of them.
    """
    scores = pairs.verb_scores.astype(np.float64)
    order = np.argsort(-scores, axis=None, kind="stable")[:most_rows]
    order = order[scores.flat[order] >= least_score]
    query, verb = np.unravel_index(order, scores.shape)
    names = tuple(settings.verbs[index] for index in verb)
    labels = tuple(
        _object_label(name, pairs.object_labels[row], settings) for name, row in zip(names, query, strict=True)
    )
    objects = pairs.object_boxes[query].astype(np.float64)
    objects[[label is None for label in labels]] = np.nan
    return FoundVerbs(pairs.subject_boxes[query].astype(np.float64), objects, labels, names, scores[query, verb])


def _object_label(verb: str, label: int, settings: QpicSettings) -> str | None:
    if label == settings.missing_object or (settings.verbs == VCOCO_VERBS and verb in WITHOUT_OBJECT):
        return None
    return settings.objects[label]


class GpuRun:
    """Runs the network on a GPU in half precision."""

    def __init__(self, network: Qpic) -> None:
        self._network = network.half().cuda()

    def __call__(self, pictures: Tensor) -> Outputs:
        with torch.inference_mode():
            outputs = _LastLayer(self._network)(pictures.half().cuda())
        return Outputs(*(output.float().cpu() for output in outputs))


class OpenvinoRun:
    """Runs the network in OpenVINO; it is converted and compiled for the first frames of each size.

    Args:
        cpus: threads.
    """

    def __init__(self, network: Qpic, cpus: int) -> None:
        self._network, self._cpus = network, cpus
        self._compiled: dict[tuple[int, ...], Any] = {}

    def __call__(self, pictures: Tensor) -> Outputs:
        shape = tuple(pictures.shape)
        if shape not in self._compiled:
            self._compiled = {shape: self._compile(shape)}  # one at a time: a camera's frames have one size
        found = self._compiled[shape]([pictures.numpy()])
        return Outputs(*(torch.from_numpy(np.array(found[number])) for number in range(len(Outputs._fields))))

    def _compile(self, shape: tuple[int, ...]) -> Any:
        import openvino as ov

        example = torch.zeros(shape)
        with warnings.catch_warnings(), torch.no_grad():
            warnings.simplefilter("ignore")  # tracing is deprecated, and warns of sizes that become constants: as meant
            try:
                traced = torch.jit.trace(_LastLayer(self._network).eval(), example, strict=False, check_trace=False)  # type: ignore[no-untyped-call]
                graph = ov.convert_model(traced, example_input=example, input=list(shape))
                # With less precision, which newer CPUs would choose by themselves, it would not agree with PyTorch.
                settings = cpu_settings(self._cpus) | {"INFERENCE_PRECISION_HINT": "f32"}
                return ov.Core().compile_model(graph, "CPU", settings)
            except RuntimeError as error:
                raise ModelError(f"OpenVINO cannot convert QPIC for frames of {shape}: {reason_of(error)}") from error


class _LastLayer(nn.Module):
    """The network on pictures of one size, which have no padding; of its outputs the last."""

    def __init__(self, network: Qpic) -> None:
        super().__init__()
        self.network = network

    def forward(self, pictures: Tensor) -> tuple[Tensor, ...]:
        mask = torch.zeros(len(pictures), *pictures.shape[2:], dtype=torch.bool, device=pictures.device)
        return tuple(self.network(pictures, mask)[-1])
