"""The parts of the anonymization benchmark: leaks, speed, utility, re-identification, planted leaks and bad files."""

import shutil
import statistics
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from functools import cached_property
from itertools import islice
from pathlib import Path
from typing import Any

from bench.anonymize_systems import (
    DETECTOR,
    FACES,
    LEAKS_HALF_FPS,
    OSNET,
    OTHER_DETECTOR,
    SCENES,
    SYSTEMS,
    WITH_WEIGHTS,
    System,
    variants,
    weights,
)
from bench.anonymized_site import BEFORE_ANONYMIZE, build_site, copy_site, published_videos, run_ops
from bench.attacks import PARTS, run_families
from bench.bad_footage import make_all
from bench.bad_matrix import CaseResult, run_case
from bench.deface_peer import Peer, deface
from bench.frame_pairs import CoverColour, judge_frames, pair_frames, read_frames
from bench.material import ASSETS
from bench.mode_figures import Recognizer, faces_in, tracking_utility, tracking_utility_by_mode
from bench.planted import MaskDropper, altered_masks, caught_plants, choose_plants, verifier_disabled
from bench.real_clips import PETS_FPS, pets_large
from bench.reid import RETAIL, Embedder, RetailEmbedder
from bench.reid_attacker import attack_video
from jobs.commands.results import query
from jobs.commands.run import RunSummary
from jobs.site import open_site
from ops.anonymize.params import AnonymizeParams
from ops.leaks import covered_pixels, leak_scores
from schemas.anonymity import MODES
from schemas.frame_boxes import FrameBoxes
from schemas.values import Bools
from storage.machine import usable_cpus

OURS, PEERS = CoverColour(AnonymizeParams().bgr), CoverColour((0, 0, 0))
PLANTS = 200
PAIRS = 3
"""Runs of each system and the peer, alternating, of which the median speed is given."""
TURNS = 4
"""Number of passes through the pictures of PETS, forwards and backwards, in the clip that speed is measured on."""

Figures = dict[str, Any]


class AnonymizeBenchmark:
    """Runs the parts; sites and videos that one part makes are used by the next ones.

    Args:
        folder: holds the sites and clips.
        cameras: keys of ``SCENES``.
        workers: processes, 0 for one per CPU; None to run in this process.
        peer: deface, if installed.
        with_variants: also measures leaks with other weights, and with a detector that sees fewer frames.
    """

    def __init__(
        self, folder: Path, cameras: Sequence[str], workers: int | None, peer: Peer | None, with_variants: bool
    ) -> None:
        self._folder = folder
        self._cameras = tuple(cameras)
        self._workers = workers
        self._peer = peer
        self._systems = SYSTEMS | (variants(LEAKS_HALF_FPS) if with_variants else {})
        self._videos_by_mode: dict[str, Mapping[str, Path]] = {}

    @cached_property
    def _base(self) -> Path:
        """The site with weights, run up to the op before ``anonymize``."""
        return self._run_until_anonymize("weights", self._systems["weights"])

    def _run_until_anonymize(self, name: str, system: System, cameras: Sequence[str] = ()) -> Path:
        clips = {camera: self._clip(camera) for camera in cameras or self._cameras}
        root = build_site(self._folder / name, clips, weights(*system.models), system.ops)
        report_quarantine(run_ops(root, BEFORE_ANONYMIZE, self._workers))
        return root

    def _videos_in(self, mode: str) -> Mapping[str, Path]:
        """Returns the anonymized videos of a mode, by camera, made with weights."""
        if mode not in self._videos_by_mode:
            ops = {**WITH_WEIGHTS.ops, "anonymize": {"mode": mode}}
            root = copy_site(self._base, self._folder / f"mode-{mode}", ops)
            report_quarantine(run_ops(root, workers=self._workers))
            self._videos_by_mode[mode] = published_videos(root)
        return self._videos_by_mode[mode]

    @cached_property
    def _defaced(self) -> Mapping[str, Path]:
        """The peer's videos, by camera, with black boxes, so that covered pixels can be recognized."""
        if self._peer is None:
            return {}
        made = {name: self._folder / f"defaced-{name}.mp4" for name in self._cameras}
        for name, target in made.items():
            deface(self._peer, self._clip(name), target, "--replacewith", "solid")
        return {name: target for name, target in made.items() if target.is_file()}

    def _clip(self, camera: str) -> Path:
        """Returns the footage of a scene."""
        clip = SCENES[camera].clip
        if clip is not None:
            return ASSETS / "video" / clip
        made = self._folder / f"{camera}.mp4"
        return made if made.exists() else pets_large(ASSETS, made)

    def leaks(self) -> Figures:
        """Measures head and track leaks of each system on each clip."""
        anonymized = {"weights": self._videos_in(AnonymizeParams().mode)}
        for name, system in self._systems.items():
            if name not in anonymized:
                root = self._run_until_anonymize(name, system)
                report_quarantine(run_ops(root, workers=self._workers))
                anonymized[name] = published_videos(root)
        figures: Figures = {}
        for camera in self._cameras:
            figures[camera] = {
                name: self._leaks_of(camera, videos.get(camera), OURS) for name, videos in anonymized.items()
            }
            figures[camera]["deface"] = self._leaks_of(camera, self._defaced.get(camera), PEERS)
        return figures

    def _leaks_of(self, camera: str, anonymized: Path | None, cover: CoverColour) -> Figures | None:
        if anonymized is None:
            return None
        scene = SCENES[camera]
        pairs = pair_frames(self._clip(camera), anonymized, "order" if cover is PEERS else "time")
        return rounded(asdict(leak_scores(judge_frames(pairs, scene.rows, cover, scene.last))))

    def speed(self) -> Figures:
        """Measures frames per second from file to published file, start of Ray included, in pairs with the peer.

        One worker processes a segment, and archives have many segments, so our archive has the clip once per worker.
        The peer's network uses all cores by itself. The second clip has 30 frames per second, as most cameras have.
        """
        large = pets_large(ASSETS, self._folder / "there-and-back.mp4", TURNS)
        figures: Figures = {
            "768x576": self._speed_of("768x576", large, PETS_FPS / 2, PAIRS),
            "720x480": self._speed_of("720x480", ASSETS / "video" / "aboda_video4.avi", LEAKS_HALF_FPS, 1),
        }
        return {"speed": figures, "speed_ratio_deface": figures["768x576"]["ratio"]["weights"]}

    def _speed_of(self, size: str, clip: Path, half_fps: float, pairs: int) -> Figures:
        frames = sum(1 for _ in read_frames(clip))
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

    def _rate(self, root: Path, clip: Path, frames: int, system: System) -> tuple[float, Figures]:
        """Returns the frames per second of one run, and the seconds of its stages, summed over workers."""
        copies = 1 if self._workers is None else self._workers or usable_cpus()
        build_site(root, {f"copy{copy}": clip for copy in range(copies)}, weights(*system.models), system.ops)
        began = time.perf_counter()
        summary = report_quarantine(run_ops(root, workers=self._workers))
        wall_s = time.perf_counter() - began
        if len(published_videos(root)) < copies:
            raise SystemExit(f"{root.name}: some footage was not published, so its speed cannot be measured")
        return copies * frames / wall_s, {name: round(spent, 2) for name, spent in summary.record.stage_s.items()}

    def utility(self) -> Figures:
        """Measures how well people are tracked and counted in anonymized PETS, by mode."""
        scene = SCENES["pets"]
        anonymized = {mode: video for mode in MODES if (video := self._videos_in(mode).get("pets")) is not None}
        models, ops = weights(DETECTOR), WITH_WEIGHTS.ops
        root = self._folder / "utility"
        found = tracking_utility_by_mode(root, anonymized, scene.rows, scene.last, models, ops, self._workers)
        original = tracking_utility(self._base, "pets", scene.rows, scene.last)
        return {"utility": {"original": original} | {mode: found.get(mode) for mode in MODES}}

    def reid(self) -> Figures:
        """Measures re-identification of people in anonymized PETS, and detected faces, by mode."""
        scene, (osnet, yunet) = SCENES["pets"], weights(OSNET, FACES)
        clips = {camera: self._clip(camera) for camera in self._cameras}
        attacker = Recognizer(clips["pets"], scene.rows, scene.last, Embedder(osnet))
        strong = Recognizer(clips["pets"], scene.rows, scene.last, RetailEmbedder(ASSETS / "weights_more" / RETAIL))
        videos = {"original": clips["pets"]} | {
            mode: each["pets"] for mode in MODES if "pets" in (each := self._videos_in(mode))
        }
        found: Figures = {"chance": attacker.chance, "original": attacker.rank_1_scores(clips["pets"])}
        faces: Figures = {"original": self._faces(clips, yunet)}
        for mode in MODES:
            anonymized = self._videos_in(mode)
            found[mode] = attacker.rank_1_scores(anonymized["pets"]) if "pets" in anonymized else None
            faces[mode] = self._faces(anonymized, yunet)
        if "pets" in self._defaced:
            found["deface"] = attacker.rank_1_scores(self._defaced["pets"], by_order=True)
            faces["deface"] = self._faces(self._defaced, yunet)
        return {
            "reid": found,
            "reid0287": {name: strong.scores_with_controls(video) for name, video in videos.items()},
            "reid_attacker": {name: attack_video(video, scene.rows, scene.last) for name, video in videos.items()},
            "faces": faces,
        }

    def _faces(self, videos: Mapping[str, Path], yunet: Path) -> Figures:
        return {name: faces_in(video, yunet, SCENES[name].last) for name, video in videos.items()}

    def planted(self) -> Figures:
        """Counts the masks dropped on purpose that are covered in the published video after all.

        ``planted_blind`` is the same count with the verifier disabled: the difference is the verifier's work.
        """
        figures = {camera: self._planted_on(camera) for camera in self._cameras}
        return figures.pop("pets") | {f"planted_{camera}": found for camera, found in figures.items()}

    def _planted_on(self, camera: str) -> Figures:
        scene = SCENES[camera]
        plants = choose_plants(scene.rows, scene.last, PLANTS)
        count, found, is_published = self._plant(camera, self._folder / f"planted-{camera}", plants)
        with verifier_disabled():
            _, covered, _ = self._plant(camera, self._folder / f"planted-blind-{camera}", plants)
        caught_of = {"verifier_planted": count, "verifier_caught": found}
        return caught_of | {"planted_blind": covered, "planted_published": is_published}

    def _plant(self, camera: str, root: Path, plants: FrameBoxes) -> tuple[int, int, bool]:
        """Returns the planted leaks, those of them that are covered after all, and whether a video is published."""
        clip, last = self._clip(camera), SCENES[camera].last
        copy_site(self._base, root, WITH_WEIGHTS.ops)
        sql = f"SELECT epoch_us(start_time) AS us FROM footage WHERE camera = '{camera}'"
        start_us = int(query(open_site(root), sql)["us"][0].as_py())
        times_s = [frame.time_s for frame in islice(read_frames(clip), last)]
        numbers = {round((time_s - times_s[0]) * 1_000_000): number for number, time_s in enumerate(times_s, 1)}
        dropper = MaskDropper(plants, lambda time_us: numbers.get(time_us - start_us, 0))
        with altered_masks(dropper):
            report_quarantine(run_ops(root, workers=None, cameras=[camera]))
        anonymized = published_videos(root).get(camera)
        masks: dict[int, Bools] = {}
        for pair in pair_frames(clip, anonymized) if anonymized else ():
            if pair.number in plants.frame:
                masks[pair.number] = covered_pixels(pair.anonymized, pair.original, OURS.colour, OURS.tolerance)
        found = {int(row) for row in caught_plants(plants, masks.get)}
        return len(dropper.dropped), len(found & dropper.dropped), anonymized is not None

    def matrix(self) -> Figures:
        """Runs every bad file through both systems."""
        results = []
        for bad in make_all(self._folder / "bad", ASSETS):
            root = self._folder / "matrix" / bad.name
            results.append(run_case(bad, root, weights(DETECTOR, OTHER_DETECTOR, FACES), OURS, self._peer))
            print(case_line(results[-1]), file=sys.stderr, flush=True)
        return {"matrix": {result.name: asdict(result) for result in results}}

    def attacks(self) -> Figures:
        """Attacks with footage, weights and settings of kinds that people were published with."""
        return run_families(self._folder / "attacks", PARTS, self._workers)


def report_quarantine(summary: RunSummary) -> RunSummary:
    """Prints what the run quarantined, which is never published and so has no figures; returns the summary."""
    for entry in [*summary.report.quarantined, *summary.report.lost]:
        print(f"... {entry.op} of {entry.camera}: {entry.reason}: {entry.detail}", file=sys.stderr, flush=True)
    return summary


def rounded(figures: Figures) -> Figures:
    """Rounds shares to five decimals."""
    return {
        name: [round(side, 5) for side in value] if isinstance(value, tuple)
        else round(value, 5) if isinstance(value, float) else value
        for name, value in figures.items()
    }  # fmt: skip


def case_line(result: CaseResult) -> str:
    """Formats one row of the matrix."""
    published = f"{result.frames_out} of {result.frames_in} frames published"
    out = "nothing published" if result.frames_out is None else published
    leaks = "" if result.heads is None else f"; leaks {result.leaks} of {result.heads} heads, area {result.area:.3f}"
    kept = "" if result.times_kept is None else f"; times {'kept' if result.times_kept else 'NOT KEPT'}"
    bare = "" if result.stripped in (None, True) else "; NOT STRIPPED"
    peer = "" if result.peer is None else f" | deface: exit {result.peer.exit_code}, {result.peer.frames} frames"
    why = f" ({', '.join(result.reasons)}{result.message})" if result.reasons or result.message else ""
    return f"{result.name:<16} exit {result.exit_code}: {out}{why}{kept}{bare}{leaks}{peer}"
