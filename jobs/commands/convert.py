"""Converts a detector to a faster format, proves on the site's own frames that it still finds the same, and imports it.

Frames are in memory only. What is written before the proof lies in a temporary folder; nothing of it stays there.
"""

import tempfile
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from jobs.commands.excerpts import find_camera
from jobs.drawn_frames import DrawnFrame, draw_frames, read_frames
from jobs.planning.inventory import recorded_inventory
from jobs.proofs import import_weights
from jobs.site import Site
from ops.conversion.agreement import Agreement, Comparison
from ops.conversion.graphs import Graph, Precision, read_graph, write_graph, write_onnx
from ops.conversion.quantize import draw_input, quantize, require_nncf
from ops.known_picture import PHOTOGRAPH, PHOTOGRAPH_PX, draw_known_picture
from ops.proof import Proof
from schemas.errors import ModelError, UserError
from schemas.op import ModelRequest
from schemas.values import ModelFile, Uint8
from storage.photographs import read_photograph
from storage.weights.catalogue import ModelStore
from storage.weights.conversions import converted_name, converted_origin, metadata_of, write_metadata
from storage.weights.site_models import open_models

Target = Literal["openvino", "onnx"]
Progress = Callable[[float, float], None]

KNOWN_PICTURE = "known picture"

CALIBRATION_FRAMES, LEAST_CALIBRATION_FRAMES = 300, 20
"""Most frames to calibrate on by default, as NNCF recommends, and fewest."""

HELD_OUT_FRAMES = 100
"""Most frames on which a conversion is compared with its source."""

LEAST_AGREEMENT = 0.95
"""Share of the boxes that both must find."""

LEAST_BOXES = 20
"""Fewest sure boxes of which an agreement says something."""


@dataclass(frozen=True)
class ConvertRequest:
    """What to convert, and how.

    Attributes:
        source: name of a detector's weights.
        target: format to convert to.
        int8: quantize to INT8; else OpenVINO's weights are of 16 bits, and ONNX's of 32.
        cameras: ids of cameras whose frames are used; none for all.
        frames: most frames to calibrate on.
        name: of the result; None for the source's, with the precision.
        least_agreement: share of the boxes, 0..1, that source and result must both find.
    """

    source: str
    target: Target = "openvino"
    int8: bool = False
    cameras: tuple[str, ...] = ()
    frames: int = CALIBRATION_FRAMES
    name: str | None = None
    least_agreement: float = LEAST_AGREEMENT


@dataclass(frozen=True)
class Converted:
    """A conversion that was imported.

    Attributes:
        proof: what the known picture says of it.
        calibration: frames that it was calibrated on, by camera.
        agreement: with its source, by camera; also on the known picture.
        source_s, converted_s: CPU seconds a picture, on one core.
        unreadable: drawn frames that could not be read.
    """

    model: ModelFile
    proof: Proof | None
    calibration: Mapping[str, int]
    agreement: Mapping[str, Agreement]
    source_s: float
    converted_s: float
    unreadable: int


def convert_model(site: Site, request: ConvertRequest, progress: Progress | None = None) -> Converted:
    """Converts a detector, and imports the result if it agrees with its source.

    Args:
        site: whose weights and frames are used.
        request: what to convert.
        progress: called with the number of frames done, and of all; None for no calls.

    Raises:
        ModelError: there are no such weights; they cannot be converted so; the name is taken; a package is missing;
            or source and result do not agree.
        SelectionError: there is no such camera.
        UserError: there are too few frames, or they show too little.
    """
    models = open_models(site.files)
    source = models.resolve(ModelRequest(request.source, "detect"))
    if source is None:
        raise ModelError("there are no weights of a detector; import some with `nightshift models import FILE`")
    name = _target_name(source, request)
    models.require_free(name)
    if request.int8:
        require_nncf()
    graph = read_graph(source)
    _check_convertible(source, graph.precision, request)
    return _Conversion(site, models, request, source, graph, progress).run(name)


class _Conversion:
    """One conversion: its frames, its files, and what is found with them."""

    def __init__(
        self,
        site: Site,
        models: ModelStore,
        request: ConvertRequest,
        source: ModelFile,
        graph: Graph,
        progress: Progress | None,
    ) -> None:
        self._site = site
        self._models = models
        self._request = request
        self._source = source
        self._graph = graph
        self._progress = progress
        self._done = self._total = 0
        self._unreadable = 0
        self._calibrated_us: set[tuple[str, int]] = set()

    def run(self, name: str) -> Converted:
        """Converts, compares and imports."""
        calibration, held_out = self._draw()
        self._total = len(calibration) + len(held_out)
        inputs = self._read_inputs(calibration) if self._request.int8 else []
        cameras = dict(sorted(Counter(camera for camera, _ in self._calibrated_us).items()))
        with tempfile.TemporaryDirectory(prefix="nightshift-convert-") as folder:
            path = Path(folder, name)
            self._write(path, inputs)
            inputs.clear()
            converted = self._models.describe(path, name, self._source.task)
            comparison = self._compare(converted, held_out)
            agreement = dict(comparison.by_group)
            require_agreement(agreement, self._request.least_agreement, needs_frames=self._request.int8)
            origin = converted_origin(self._source, self._how(cameras))
            model, proof = import_weights(self._models, path, name, self._source.task, self._source.licence, origin)
        return Converted(
            model, proof, cameras, agreement, comparison.source_s, comparison.converted_s, self._unreadable
        )

    def _draw(self) -> tuple[list[DrawnFrame], list[DrawnFrame]]:
        request = self._request
        cameras = [find_camera(self._site, camera) for camera in request.cameras]
        timeline = recorded_inventory(self._site.store).timeline
        chosen: Collection[str] = cameras or timeline["camera"].unique().to_pylist()
        first = request.frames if request.int8 else 0
        return draw_frames(self._site, timeline, chosen, first, HELD_OUT_FRAMES)

    def _read(self, frames: Sequence[DrawnFrame]) -> Iterator[tuple[str, int, Uint8]]:
        def unreadable(frame: DrawnFrame, reason: str) -> None:  # noqa: ARG001
            self._unreadable += 1

        for frame, time_us, picture in read_frames(self._site, frames, self._graph.input_px[0], unreadable):
            yield frame.segment.camera, time_us, picture
            self._done += 1
            if self._progress:
                self._progress(self._done, self._total)

    def _read_inputs(self, frames: Sequence[DrawnFrame]) -> list[Uint8]:
        inputs = []
        for camera, time_us, picture in self._read(frames):
            if (camera, time_us) not in self._calibrated_us:
                self._calibrated_us.add((camera, time_us))
                inputs.append(draw_input(picture, self._graph.input_px, self._source.layout))
        if len(inputs) < LEAST_CALIBRATION_FRAMES:
            raise UserError(
                f"INT8 is calibrated on {LEAST_CALIBRATION_FRAMES} frames at least; the archive gives {len(inputs)}: "
                "one in 2 s, and a quarter of them kept for the proof: add footage, then `nightshift scan`"
            )
        return inputs

    def _write(self, path: Path, inputs: Sequence[Uint8]) -> None:
        metadata = metadata_of(self._source, self._graph.classes)
        if self._request.target == "onnx":
            write_onnx(self._source, path, metadata)
            return
        network = quantize(self._graph, self._source.layout, inputs) if inputs else self._graph.network
        write_graph(network, path, to_fp16=not inputs)
        write_metadata(path, metadata)

    def _compare(self, converted: ModelFile, held_out: Sequence[DrawnFrame]) -> Comparison:
        source = replace(self._source, classes=self._source.classes or self._graph.classes)
        comparison = Comparison(source, converted)
        with suppress(UserError):  # without the photograph the frames alone decide, and the import says so
            comparison.add(KNOWN_PICTURE, draw_known_picture(read_photograph(PHOTOGRAPH, PHOTOGRAPH_PX)))
        for camera, time_us, picture in self._read(held_out):
            if (camera, time_us) not in self._calibrated_us:
                comparison.add(camera, picture)
        return comparison

    def _how(self, cameras: Mapping[str, int]) -> str:
        if not cameras:
            return "ONNX" if self._request.target == "onnx" else "OpenVINO, weights of 16 bits"
        return f"OpenVINO, INT8, calibrated on {sum(cameras.values())} frames of {', '.join(cameras)}"


def require_agreement(agreement: Mapping[str, Agreement], least: float, needs_frames: bool) -> None:
    """Checks that a conversion finds what its source finds, on all pictures together and on those of each camera.

    Args:
        agreement: by camera, and on the known picture.
        least: least share, 0..1, of the boxes that both find.
        needs_frames: the known picture alone is not enough.

    Raises:
        ModelError: they do not agree.
        UserError: the pictures show too little to tell.
    """
    frames = {camera: each for camera, each in agreement.items() if camera != KNOWN_PICTURE}
    judged = sum((frames if needs_frames else agreement).values(), Agreement())
    if judged.most_boxes < LEAST_BOXES:
        raise UserError(
            f"the {judged.pictures} pictures on which source and result are compared show {judged.most_boxes} things, "
            f"of {LEAST_BOXES} at least: nothing was imported; `nightshift run` first, so that frames with people are "
            "known, or name cameras that see more with --camera"
        )
    everything = sum(agreement.values(), Agreement())
    told = {
        "all pictures": everything,
        **{where: each for where, each in agreement.items() if each.most_boxes >= LEAST_BOXES},
    }
    where, worst = min(told.items(), key=lambda item: item[1].share)
    if worst.share < least:
        raise ModelError(
            f"source and result agree on {worst.share:.1%} of the boxes of {where}, of {least:.1%} at least "
            f"({worst.found} of the source's {worst.boxes} found again, {worst.confirmed} of the result's "
            f"{worst.converted_boxes} in the source's): nothing was imported; try more --frames, or keep the source"
        )


def _target_name(source: ModelFile, request: ConvertRequest) -> str:
    if request.target == "onnx":
        return f"{request.name.removesuffix('.onnx')}.onnx" if request.name else converted_name(source.name, ".onnx")
    return request.name or converted_name(source.name, "-int8" if request.int8 else "-fp16")


def _check_convertible(source: ModelFile, precision: Precision, request: ConvertRequest) -> None:
    if request.target == "onnx" and (request.int8 or source.format != "pt"):
        raise ModelError(
            f"ONNX is written from Ultralytics' .pt only, and without --int8; {source.name} is {source.format}"
        )
    if precision == "INT8":
        raise ModelError(f"weights {source.name!r} are INT8 already; convert those that they were made of")
    if source.format == "openvino" and precision == "FP16" and not request.int8:
        raise ModelError(f"weights {source.name!r} are OpenVINO of 16 bits already; --int8 makes faster ones")
