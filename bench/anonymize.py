"""Anonymized video judged as it is shown, beside deface on the same clips in the same run.

    python bench/anonymize.py [--json] [--only leaks,speed,utility,reid,planted,matrix] [--cameras pets,campus]
                              [--workers N | --in-process] [--deface PYTHON] [--variants]

Needs the real material ($NIGHTSHIFT_ASSETS, default ../shared/assets). deface is the extra ``bench``; ``--deface``
names the Python of another environment that has it. Where there is none its figures are left out. Every part prints
when it is done; with --json one JSON object on stdout at the end. Shares are 0..1.
"""

import argparse
import json
import os
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from itertools import islice
from pathlib import Path
from typing import Any

from bench.anonymized_site import BEFORE_COVERING, Params, build_site, like, published, run_ops
from bench.bad_footage import make_all
from bench.bad_matrix import CaseEnd, run_case
from bench.deface_peer import Peer, deface, find_peer
from bench.leaks import covered_as_shown, leak_scores
from bench.mode_figures import Recognizer, faces_in, usefulness, usefulness_by_mode
from bench.paired import Paint, covers, frames_of, paired
from bench.pets import GT_SCALE, LAST_FRAME
from bench.planted import Spoiler, blind, caught, choose_plants, spoiling
from bench.real_clips import PETS_FPS, PICTURES, pets_large
from jobs import api, reading
from ops.anonymize.params import AnonymizeParams
from sample_site.evaluate import MotRows, load_mot
from schemas.anonymity import MODES
from schemas.values import Bools

ASSETS = Path(os.environ.get("NIGHTSHIFT_ASSETS", Path(__file__).resolve().parents[2] / "shared" / "assets"))
DETECTOR, OTHER_DETECTOR = "yolo11n_int8_openvino_model", "yolox_nano.onnx"
POSE, FACES, OSNET = (
    "yolov8n-pose_int8_openvino_model",
    "face_detection_yunet_2026may.onnx",
    "osnet_x0_25_msmt17.onnx",
)
OURS, PEERS = Paint(AnonymizeParams().paint_options.colour), Paint((0, 0, 0))
PLANTS = 200
PAIRS = 3
TURNS = 4
"""So often the pictures of PETS are gone through, to and fro, in the clip that speed is measured on."""

Figures = dict[str, Any]


@dataclass(frozen=True)
class Scene:
    """A clip with truth: ``scale`` takes the truth's pixels to the clip's; ``last`` is the frame where it ends.

    ``clip`` is None for the pictures of PETS at their full size, of which a clip is made first.
    """

    clip: str | None
    truth: str
    scale: float
    last: int

    @property
    def rows(self) -> MotRows:
        """The true boxes."""
        return load_mot(ASSETS / "gt" / self.truth / "gt.txt", self.scale)


SCENES = {
    "pets": Scene("pets09_s2l1_480x360.mp4", "PETS09-S2L1", GT_SCALE, LAST_FRAME),
    "campus": Scene("TUD-Campus.mp4", "TUD-Campus", 1.0, 71),
    "pets-large": Scene(None, "PETS09-S2L1", 1.0, PICTURES),
}
USUAL = ("pets", "campus")


def weights(*names: str) -> list[Path]:
    """Files of weights."""
    return [ASSETS / "weights" / name for name in names]


@dataclass(frozen=True)
class Systems:
    """What a site detects with."""

    models: tuple[str, ...]
    ops: Params

    def looking(self, fps: float) -> "Systems":
        """The same with a detector that looks at fewer frames a second."""
        return Systems(self.models, self.ops | {"detect": {**self.ops["detect"], "fps": fps}})


WITH_WEIGHTS = Systems((DETECTOR, OTHER_DETECTOR, POSE, FACES), {"detect": {"model": DETECTOR}})
SYSTEMS = {"weights": WITH_WEIGHTS, "no_weights": Systems((), {"detect": {"model": "motion"}})}
WITH_YOLOX = Systems((DETECTOR, OTHER_DETECTOR, FACES), {"detect": {"model": OTHER_DETECTOR}})


def variants(half_fps: float) -> dict[str, Systems]:
    """Systems with other weights, and with a detector that looks at ``half_fps`` frames a second only."""
    return {
        "yolox": WITH_YOLOX,
        "weights_half": WITH_WEIGHTS.looking(half_fps),
        "yolox_half": WITH_YOLOX.looking(half_fps),
    }


LEAKS_HALF_FPS = 5.0
"""Every other frame of PETS, whose clip says 10 a second, and every fifth of TUD-Campus."""


class Bench:
    """All parts; what one makes the next ones use.

    Args:
        folder: for sites and clips.
        cameras: keys of ``SCENES``.
        workers: processes, 0 for one a CPU; None for this one.
        peer: deface, where it is installed.
        with_variants: leaks also with other weights, and with a detector that looks at fewer frames.
    """

    def __init__(
        self, folder: Path, cameras: Sequence[str], workers: int | None, peer: Peer | None, with_variants: bool
    ) -> None:
        self._folder = folder
        self._cameras = tuple(cameras)
        self._workers = workers
        self._peer = peer
        self._systems = SYSTEMS | (variants(LEAKS_HALF_FPS) if with_variants else {})
        self._shown: dict[str, Mapping[str, Path]] = {}

    @cached_property
    def _base(self) -> Path:
        """The site with weights, run up to what the anonymizer reads."""
        return self._begun("weights", self._systems["weights"])

    def _begun(self, name: str, system: Systems, cameras: Sequence[str] = ()) -> Path:
        clips = {camera: self._clip(camera) for camera in cameras or self._cameras}
        root = build_site(self._folder / name, clips, weights(*system.models), system.ops)
        told(run_ops(root, BEFORE_COVERING, self._workers))
        return root

    def _in_mode(self, mode: str) -> Mapping[str, Path]:
        """The anonymized videos, by camera, of the site with weights in a mode."""
        if mode not in self._shown:
            ops = {**WITH_WEIGHTS.ops, "anonymize": {"mode": mode}}
            root = like(self._base, self._folder / f"mode-{mode}", ops)
            told(run_ops(root, workers=self._workers))
            self._shown[mode] = published(root)
        return self._shown[mode]

    @cached_property
    def _defaced(self) -> Mapping[str, Path]:
        """What the peer makes of the clips, by camera; black boxes, so that what is covered can be read off."""
        if self._peer is None:
            return {}
        made = {name: self._folder / f"defaced-{name}.mp4" for name in self._cameras}
        for name, target in made.items():
            deface(self._peer, self._clip(name), target, "--replacewith", "solid")
        return {name: target for name, target in made.items() if target.is_file()}

    def _clip(self, camera: str) -> Path:
        """The footage of a scene."""
        clip = SCENES[camera].clip
        if clip is not None:
            return ASSETS / "video" / clip
        made = self._folder / f"{camera}.mp4"
        return made if made.exists() else pets_large(ASSETS, made)

    def leaks(self) -> Figures:
        """Head and track leaks of each system on each clip."""
        shown = {"weights": self._in_mode(AnonymizeParams().mode)}
        for name, system in self._systems.items():
            if name not in shown:
                root = self._begun(name, system)
                told(run_ops(root, workers=self._workers))
                shown[name] = published(root)
        figures: Figures = {}
        for camera in self._cameras:
            figures[camera] = {name: self._leaks_of(camera, videos.get(camera), OURS) for name, videos in shown.items()}
            figures[camera]["deface"] = self._leaks_of(camera, self._defaced.get(camera), PEERS)
        return figures

    def _leaks_of(self, camera: str, shown: Path | None, paint: Paint) -> Figures | None:
        if shown is None:
            return None
        scene = SCENES[camera]
        pairs = paired(self._clip(camera), shown, "order" if paint is PEERS else "time")
        return rounded(asdict(leak_scores(covers(pairs, scene.rows, paint, scene.last))))

    def speed(self) -> Figures:
        """Frames a second from the file to the published file, start of Ray included, in pairs with the peer.

        A segment is one worker's work, and nights have many: so our archive has the clip once for each worker. The
        peer's network uses all cores by itself. The second clip has 30 frames a second, as most cameras.
        """
        large = pets_large(ASSETS, self._folder / "there-and-back.mp4", TURNS)
        figures: Figures = {
            "768x576": self._speed_of("768x576", large, PETS_FPS / 2, PAIRS),
            "720x480": self._speed_of("720x480", ASSETS / "video" / "aboda_video4.avi", LEAKS_HALF_FPS, 1),
        }
        return {"speed": figures, "speed_ratio_deface": figures["768x576"]["ratio"]["weights"]}

    def _speed_of(self, size: str, clip: Path, half_fps: float, pairs: int) -> Figures:
        frames = sum(1 for _ in frames_of(clip))
        systems = SYSTEMS | {name: each for name, each in variants(half_fps).items() if name.endswith("half")}
        rates: dict[str, list[float]] = {name: [] for name in (*systems, "deface")}
        stages: Figures = {}
        for number in range(pairs):
            for name, system in systems.items():
                root = self._folder / f"speed-{size}-{name}-{number}"
                rate, stages[name] = self._rate(root, clip, frames, system)
                rates[name].append(rate)
                shutil.rmtree(root)
            if self._peer is not None:
                target = self._folder / f"speed-{size}-{number}.mp4"
                rates["deface"].append(frames / deface(self._peer, clip, target, "--replacewith", "solid").wall_s)
            print(
                f"... {size}: { ({name: round(each[-1], 1) for name, each in rates.items() if each}) }", file=sys.stderr
            )
        fps = {name: statistics.median(each) for name, each in rates.items() if each}
        ratio = {name: round(fps[name] / fps["deface"], 2) if "deface" in fps else None for name in systems}
        every = {name: [round(rate, 2) for rate in each] for name, each in rates.items()}
        return {"frames": frames, "fps": rounded(fps), "ratio": ratio, "fps_of_runs": every, "stage_s": stages}

    def _rate(self, root: Path, clip: Path, frames: int, system: Systems) -> tuple[float, Figures]:
        """Frames a second of one run, and the seconds that its stages took, summed over workers."""
        copies = 1 if self._workers is None else self._workers or os.cpu_count() or 1
        build_site(root, {f"copy{copy}": clip for copy in range(copies)}, weights(*system.models), system.ops)
        began = time.perf_counter()
        summary = told(run_ops(root, workers=self._workers))
        wall_s = time.perf_counter() - began
        if len(published(root)) < copies:
            raise SystemExit(f"{root.name}: not all of its footage was published, so it has no speed")
        return copies * frames / wall_s, {name: round(spent, 2) for name, spent in summary.record.stage_s.items()}

    def utility(self) -> Figures:
        """How well people are followed and counted in anonymized PETS, by mode."""
        scene = SCENES["pets"]
        shown = {mode: video for mode in MODES if (video := self._in_mode(mode).get("pets")) is not None}
        models, ops = weights(DETECTOR), WITH_WEIGHTS.ops
        root = self._folder / "utility"
        found = usefulness_by_mode(root, shown, scene.rows, scene.last, models, ops, self._workers)
        original = usefulness(self._base, "pets", scene.rows, scene.last)
        return {"utility": {"original": original} | {mode: found.get(mode) for mode in MODES}}

    def reid(self) -> Figures:
        """Whether people of anonymized PETS are found again, and faces, by mode."""
        scene, (osnet, yunet) = SCENES["pets"], weights(OSNET, FACES)
        clips = {camera: self._clip(camera) for camera in self._cameras}
        attacker = Recognizer(clips["pets"], scene.rows, scene.last, osnet)
        found: Figures = {"chance": attacker.chance, "original": attacker.try_on(clips["pets"])}
        faces: Figures = {"original": self._faces(clips, yunet)}
        for mode in MODES:
            shown = self._in_mode(mode)
            found[mode] = attacker.try_on(shown["pets"]) if "pets" in shown else None
            faces[mode] = self._faces(shown, yunet)
        if "pets" in self._defaced:
            found["deface"] = attacker.try_on(self._defaced["pets"], by_order=True)
            faces["deface"] = self._faces(self._defaced, yunet)
        return {"reid": found, "faces": faces}

    def _faces(self, videos: Mapping[str, Path], yunet: Path) -> Figures:
        return {name: faces_in(video, yunet, SCENES[name].last) for name, video in videos.items()}

    def planted(self) -> Figures:
        """How many of the masks that were dropped on purpose are covered as shown all the same, on PETS and elsewhere.

        ``planted_blind`` is how many are where the verifier is made to find nothing, to show that it is the verifier.
        """
        figures = {camera: self._planted_on(camera) for camera in self._cameras}
        return figures.pop("pets") | {f"planted_{camera}": found for camera, found in figures.items()}

    def _planted_on(self, camera: str) -> Figures:
        scene = SCENES[camera]
        plants = choose_plants(scene.rows, scene.last, PLANTS)
        count, found, is_out = self._plant(camera, self._folder / f"planted-{camera}", plants)
        with blind():
            _, unseen, _ = self._plant(camera, self._folder / f"planted-blind-{camera}", plants)
        caught_of = {"verifier_planted": count, "verifier_caught": found}
        return caught_of | {"planted_blind": unseen, "planted_published": is_out}

    def _plant(self, camera: str, root: Path, plants: MotRows) -> tuple[int, int, bool]:
        """How many were planted, how many of them are not to be seen, and whether anything is published."""
        clip, last = self._clip(camera), SCENES[camera].last
        like(self._base, root, WITH_WEIGHTS.ops)
        sql = f"SELECT epoch_us(start_time) AS us FROM footage WHERE camera = '{camera}'"
        start_us = int(reading.query(api.open_site(root), sql)["us"][0].as_py())
        times_s = [frame.time_s for frame in islice(frames_of(clip), last)]
        numbers = {round((time_s - times_s[0]) * 1_000_000): number for number, time_s in enumerate(times_s, 1)}
        spoiler = Spoiler(plants, lambda time_us: numbers.get(time_us - start_us, 0))
        with spoiling(spoiler):
            told(run_ops(root, workers=None, cameras=[camera]))
        shown = published(root).get(camera)
        masks: dict[int, Bools] = {}
        for pair in paired(clip, shown) if shown else ():
            if pair.number in plants.frame:
                masks[pair.number] = covered_as_shown(pair.shown, pair.original, OURS.colour, OURS.tolerance)
        found = {int(row) for row in caught(plants, masks.get)}
        return len(spoiler.dropped), len(found & spoiler.dropped), shown is not None

    def matrix(self) -> Figures:
        """What becomes of bad files."""
        ends = []
        for bad in make_all(self._folder / "bad", ASSETS):
            root = self._folder / "matrix" / bad.name
            ends.append(run_case(bad, root, weights(DETECTOR, OTHER_DETECTOR, FACES), OURS, self._peer))
            print(case_line(ends[-1]), file=sys.stderr, flush=True)
        return {"matrix": {end.name: asdict(end) for end in ends}}


def told(summary: api.RunSummary) -> api.RunSummary:
    """The same, once it is said what went into quarantine: nothing of that is published, so it has no figures."""
    for entry in summary.report.quarantined:
        print(f"... {entry.op} of {entry.camera}: {entry.reason}: {entry.detail}", file=sys.stderr, flush=True)
    return summary


PARTS = ("leaks", "speed", "utility", "reid", "planted", "matrix")
OF_PETS = ("utility", "reid", "planted")


def main() -> None:
    """Runs the parts that are asked for and prints their figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--only", default=",".join(PARTS))
    parser.add_argument("--cameras", default=",".join(USUAL), help=f"of {', '.join(SCENES)}")
    parser.add_argument("--workers", type=int, default=0)
    parser.add_argument("--in-process", action="store_true")
    parser.add_argument("--deface", default=sys.executable, metavar="PYTHON")
    parser.add_argument("--variants", action="store_true")
    arguments = parser.parse_args()
    parts, cameras = arguments.only.split(","), arguments.cameras.split(",")
    if wrong := [*(set(parts) - set(PARTS)), *(set(cameras) - set(SCENES))]:
        sys.exit(f"there is no {', '.join(wrong)}; parts: {', '.join(PARTS)}; cameras: {', '.join(SCENES)}")
    if "pets" not in cameras and (without := [part for part in parts if part in OF_PETS]):
        sys.exit(f"{', '.join(without)}: measured on pets only; leave out --cameras, or name others with --only")
    if not ASSETS.is_dir():
        sys.exit(f"no real material at {ASSETS}: set NIGHTSHIFT_ASSETS")
    peer = find_peer(arguments.deface)
    if peer is None:
        print(f"{arguments.deface} has no deface: its figures are left out (pip install '.[bench]')", file=sys.stderr)
    figures: Figures = {"deface": asdict(peer) if peer else None}
    with tempfile.TemporaryDirectory() as folder:
        workers = None if arguments.in_process else arguments.workers
        bench = Bench(Path(folder), cameras, workers, peer, arguments.variants)
        for part in parts:
            began = time.perf_counter()
            found = getattr(bench, part)()
            figures |= found
            print(f"... {part}: {time.perf_counter() - began:.0f} s", file=sys.stderr, flush=True)
            if not arguments.json and part != "matrix":
                print("\n".join(lines(found)), flush=True)
    if arguments.json:
        print(json.dumps(figures))


def rounded(figures: Figures) -> Figures:
    """Shares with five decimals."""
    return {
        name: [round(side, 5) for side in value] if isinstance(value, tuple)
        else round(value, 5) if isinstance(value, float) else value
        for name, value in figures.items()
    }  # fmt: skip


def lines(figures: Figures, before: str = "") -> list[str]:
    """One line a group of plain figures."""
    flat = {name: value for name, value in figures.items() if not isinstance(value, dict)}
    text = [f"{before.rstrip('.'):<24} " + "  ".join(f"{name} {value}" for name, value in flat.items())] if flat else []
    for name, value in figures.items():
        text += lines(value, f"{before}{name}.") if isinstance(value, dict) else []
    return text


def case_line(end: CaseEnd) -> str:
    """One row of the matrix."""
    out = "nothing published" if end.frames_out is None else f"{end.frames_out} of {end.frames_in} frames published"
    leaks = "" if end.heads is None else f"; leaks {end.leaks} of {end.heads} heads, area {end.area:.3f}"
    kept = "" if end.times_kept is None else f"; times {'kept' if end.times_kept else 'NOT KEPT'}"
    bare = "" if end.stripped in (None, True) else "; NOT STRIPPED"
    peer = "" if end.peer is None else f" | deface: exit {end.peer.exit_code}, {end.peer.frames} frames"
    why = f" ({', '.join(end.reasons)}{end.message})" if end.reasons or end.message else ""
    return f"{end.name:<16} exit {end.exit_code}: {out}{why}{kept}{bare}{leaks}{peer}"


if __name__ == "__main__":
    main()
