"""Measures how well and how fast people are cut out of the scene: by networks, by depth, and carried by optical flow.

    python -m bench.foreground [--json] [--frames N]

Needs the real material ($NIGHTSHIFT_ASSETS). ``hall.*`` is measured-synthetic: people cut out of a photograph walk
through the rendered hall of the sample site, whose true masks and true depth are known; ``hall.depth_network`` is by a
small network that was trained on this hall. ``campus.*`` and ``pets.*`` are
measured-real; nobody drew masks there, so that masks are compared with what differs from the median of the clip, which
holds shadows, too. Looks are at true boxes. ``known.*``: people of 18, and places without anybody of 27, that are cut
out of the known picture. Times are CPU time of one thread, the cutting out alone.
"""

import argparse
import json
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from bench.depth_network import write_depth_network
from bench.material import ASSETS, require_assets
from bench.real_clips import load_frames
from ops.anonymize.cover.outlines import OutlineCover
from ops.depth_models.kinds import MetricDepth, RelativeDepth
from ops.depth_models.network import DepthEstimate
from ops.foreground.carried import CarriedForeground, CarriedMasks
from ops.foreground.depth import DepthMasks
from ops.foreground.looks import ForegroundFinder, MaskFinder, Seen, Square
from ops.foreground.networks import open_masks
from ops.known_picture import NOBODY, PEOPLE, PHOTOGRAPH, draw_known_picture, known_boxes
from sample_site import DEMO
from sample_site.film import SUITCASE, Actors
from sample_site.hall import render_backdrop
from sample_site.people import cut_out_people
from sample_site.renderer import Renderer, draw_suitcase
from sample_site.script import schedule_routes
from schemas.values import Bools, Float32, Float64, ModelFile, Uint8
from storage.box_files.mot import read_mot
from storage.photographs import find_photograph
from storage.weights.catalogue import ModelStore

EVERY = 5
"""Frames from one keyframe to the next."""

NETWORKS = {"blazepose": "pose_landmark_full.tflite", "matting": "rvm_mobilenetv3.xml", "u2net": "u2netp.onnx"}

START_S, LEAST_HEIGHT_PX, LEAST_VISIBLE_PX = 30.0, 40, 200
NOISE_M = 0.05
"""Standard deviation of the noise on true depth, at 5 m; it grows with the square of the distance."""

DIFFERS = 30
"""Difference to the median of the clip, grey levels, of a person's pixel."""

Figures = dict[str, float]


@dataclass(frozen=True)
class Clip:
    """Frames, the boxes of their people ``(M, 4)``, masks ``(H, W)``, and depth ``(H, W)`` in metres if known."""

    frames: Sequence[Uint8]
    boxes: Sequence[Float64]
    masks: Sequence[Bools]
    depths_m: Sequence[Float32] = ()


def hall(count: int) -> Clip:
    """Films people in the hall of the sample site."""
    photograph, lens = find_photograph(PHOTOGRAPH), DEMO.cameras[0].lens(DEMO.size_px)
    picture = np.asarray(cv2.imread(str(photograph)), np.uint8)
    renderer = Renderer(lens, render_backdrop(lens, picture, 7), 700)
    actors = Actors(schedule_routes(DEMO, 7), cut_out_people(photograph), draw_suitcase())
    frames, boxes, masks, depths = [], [], [], []
    for number in range(count):
        time_s = START_S + number / DEMO.fps
        figures = actors.figures_at(time_s, lens)
        frame, _ = renderer.render(number, time_s, figures)
        depth, empty = renderer.render_depth(figures), renderer.backdrop.depth_m
        mask, here = np.zeros(frame.shape[:2], bool), []
        for person in (figure for figure in figures if not figure.name.startswith(SUITCASE)):
            alone = renderer.render_depth([person])
            visible = (alone < empty) & (alone <= depth)
            if visible.any():
                mask |= visible
                x, y, width, height = cv2.boundingRect(visible.astype(np.uint8))
                here.append([x, y, x + width, y + height])
        frames.append(frame)
        boxes.append(np.array(here, np.float64).reshape(-1, 4))
        masks.append(mask)
        depths.append(depth)
    return Clip(frames, boxes, masks, depths)


def real(clip: str, truth: str, count: int, scale: float) -> Clip:
    """Reads a real clip; its masks are what differs from its median within the true boxes."""
    every = load_frames(ASSETS / "video" / clip, 71)
    median = np.median(np.stack(every), axis=0).astype(np.int16)
    rows = read_mot(ASSETS / "gt" / truth / "gt.txt")
    boxes, masks = [], []
    for number in range(count):
        here = rows.box[(rows.frame == number + 1) & rows.counts] * scale
        within = np.zeros(every[0].shape[:2], bool)
        for x1, y1, x2, y2 in here.astype(int).tolist():
            within[max(y1, 0) : y2, max(x1, 0) : x2] = True
        differs = (np.abs(every[number].astype(np.int16) - median).max(axis=2) > DIFFERS).astype(np.uint8)
        closed = cv2.morphologyEx(cv2.medianBlur(differs, 5), cv2.MORPH_CLOSE, np.ones((5, 5), np.uint8))
        boxes.append(here)
        masks.append((closed > 0) & within)
    return Clip(every[:count], boxes, masks)


def whole_frames(finder: ForegroundFinder, clip: Clip) -> Figures:
    """Measures a finder of whole frames."""
    return _measured(clip, lambda number: finder.find(clip.frames[number]) >= 0.5)


def looks(finder: MaskFinder, clip: Clip) -> Figures:
    """Measures looks at people's boxes, and the share of them whose outline is trusted."""
    cover, asked, trusted = OutlineCover(finder), 0, 0

    def cut(number: int) -> Bools:
        nonlocal asked, trusted
        mask, boxes = np.zeros(clip.frames[0].shape[:2], np.uint8), clip.boxes[number]
        boxes = boxes[boxes[:, 3] - boxes[:, 1] >= LEAST_HEIGHT_PX]
        # A second apart, so that outlines are not united over time.
        found = cover.add(mask, clip.frames[number], boxes, len(boxes), number * 1_000_000)
        asked, trusted = asked + len(found), trusted + int(found.sum())
        return mask > 0

    figures = _measured(clip, cut)
    return figures | {"trusted": round(trusted / max(asked, 1), 3), "boxes": asked}


class TrueDepth:
    """A ``MaskFinder`` by the true depth of a clip, with noise.

    Args:
        clip: whose depth is known.
        kind: ``metric`` or ``relative``, with another scale and offset in every frame, as networks give it.
        threshold: of ``DepthMasks``.
    """

    def __init__(self, clip: Clip, kind: str, threshold: float) -> None:
        self._random = np.random.default_rng(5)
        self._numbers = {id(frame): number for number, frame in enumerate(clip.frames)}
        self._clip, self._kind, self._number = clip, kind, 0
        self._masks = DepthMasks(self._depth, threshold)

    def look(self, frame: Uint8, square: Square) -> Seen:
        """Looks at a square of a frame of the clip, see ``MaskFinder``."""
        self._number = self._numbers[id(frame)]
        return self._masks.look(frame, square)

    def _depth(self, _: Uint8) -> DepthEstimate:
        z = self._clip.depths_m[self._number]
        noise = self._random.standard_normal(z.shape) * NOISE_M * (z / 5) ** 2
        noisy = np.asarray(np.maximum(z + noise, 0.1), np.float32)
        if self._kind == "metric":
            return DepthEstimate(MetricDepth(noisy))
        scaled = 1 / noisy * np.float32(2 + self._number % 3) + np.float32(0.1)
        return DepthEstimate(RelativeDepth(np.asarray(scaled, np.float32)))


def _measured(clip: Clip, cut: Callable[[int], Bools]) -> Figures:
    overlaps, spent = [], 0.0
    for number, truth in enumerate(clip.masks):
        began = time.process_time()
        found = cut(number)
        spent += time.process_time() - began
        if truth.sum() >= LEAST_VISIBLE_PX:
            overlaps.append(float((found & truth).sum() / (found | truth).sum()))
    mean = round(float(np.mean(overlaps)), 3)
    return {"iou": mean, "fps": round(len(clip.frames) / spent, 2), "frames": len(overlaps)}


def known(finder: MaskFinder) -> Figures:
    """Counts whom a network cuts out of the known picture, as the proof of decision 29 does."""
    picture = draw_known_picture(np.asarray(cv2.imread(str(find_photograph(PHOTOGRAPH))), np.uint8))

    def cut_out(places: Float64) -> int:
        mask = np.zeros(picture.shape[:2], np.uint8)
        return sum(bool(OutlineCover(finder).add(mask, picture, box[None], 1, 0)[0]) for box in places)

    return {"people": cut_out(known_boxes(PEOPLE.whole)), "elsewhere": cut_out(known_boxes(NOBODY))}


def _weights(name: str, folder: Path) -> ModelFile:
    source = ASSETS / "weights_more" / name
    if source.suffix != ".xml":
        return ModelStore(folder).describe(source)
    (folder / source.stem).mkdir()  # OpenVINO IR is imported as a folder
    for part in (source, source.with_suffix(".bin")):
        (folder / source.stem / part.name).symlink_to(part)
    return ModelStore(folder / "none").describe(folder / source.stem)


def measure(count: int) -> Figures:
    """Measures everything, on this many frames of each clip."""
    figures: Figures = {}

    def add(name: str, found: Figures) -> None:
        figures.update({f"{name}.{key}": value for key, value in found.items()})

    scene = hall(count)
    for kind, by_hand in (("metric", 0.5), ("relative", 0.05)):
        for way, threshold in (("otsu", 0.0), ("by_hand", by_hand)):
            add(f"hall.depth_{kind}_{way}", looks(TrueDepth(scene, kind, threshold), scene))
    clips = {"hall": scene, "campus": real("TUD-Campus.mp4", "TUD-Campus", count, 1.0)}
    clips["pets"] = real("pets09_s2l1_480x360.mp4", "PETS09-S2L1", count, 0.625)
    with tempfile.TemporaryDirectory() as folder:
        depth = ModelStore(Path(folder) / "none").describe(write_depth_network(Path(folder) / "depth"))
        add("known.depth", known(open_masks(depth)))
        add("hall.depth_network", looks(open_masks(depth), scene))
        carried = CarriedMasks(open_masks(depth), EVERY)
        add("hall.depth_network_carried", looks(carried, scene))
        add(
            "hall.depth_network_carried", {"network_share": round(carried.looks / (carried.looks + carried.carried), 3)}
        )
        for name, file in NETWORKS.items():
            model = _weights(file, Path(folder))
            add(f"known.{name}", known(open_masks(model)))
            for where, clip in clips.items():
                network = open_masks(model)
                add(f"{where}.{name}_looks", looks(network, clip))
                carried = CarriedMasks(open_masks(model), EVERY)
                add(f"{where}.{name}_looks_carried", looks(carried, clip))
                share = carried.looks / max(carried.looks + carried.carried, 1)
                add(f"{where}.{name}_looks_carried", {"network_share": round(share, 3)})
                if name != "blazepose" and where != "pets":
                    add(f"{where}.{name}_frames", whole_frames(open_masks(model), clip))  # type: ignore[arg-type]
                    kept = CarriedForeground(open_masks(model), EVERY)  # type: ignore[arg-type]
                    add(f"{where}.{name}_frames_carried", whole_frames(kept, clip))
                    add(f"{where}.{name}_frames_carried", {"network_share": round(kept.looks / count, 3)})
    return figures


def main() -> None:
    """Prints the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--frames", type=int, default=40)
    arguments = parser.parse_args()
    require_assets()
    figures = measure(arguments.frames)
    if arguments.json:
        print(json.dumps(figures))
        return
    width = max(map(len, figures))
    print("\n".join(f"{name:<{width}} {value}" for name, value in figures.items()))


if __name__ == "__main__":
    main()
