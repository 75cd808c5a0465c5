"""Plants leaks in the far part of a crowd, and people in the background picture that modes paint.

A mask is dropped over one far person in a frame, or people are pasted into the background that the anonymizer is given,
as if every detector had missed somebody who stood there. What the published video still shows of them counts.
"""

import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from unittest import mock

import cv2
import numpy as np
import pyarrow as pa

from bench.anonymize_systems import DETECTOR, FACES, OTHER_DETECTOR, POSE, weights
from bench.anonymized_site import BEFORE_ANONYMIZE, Params, build_site, copy_site, published_videos, run_ops
from bench.attack_footage import Footage, mosaic, view_cells
from bench.attack_run import CAMERA, LEAST_TELLING, TELLS, Figures, differing, hidden_shares, paired, reason_of
from bench.frame_pairs import Pair, read_frames
from bench.planted import MaskDropper, altered_masks, choose_plants
from jobs.commands.results import query
from jobs.site import open_site
from ops.anonymize import Anonymize
from ops.anonymize.params import AnonymizeParams
from ops.anonymize.session import AnonymizeSession
from ops.leaks import CODEC_TOLERANCE, LEAK_BELOW, covered_pixels, head_zones, touched_px, zone_shares
from schemas.anonymity import MODES
from schemas.frame_boxes import FrameBoxes
from schemas.op import Services, Tables
from schemas.values import Bools, Float64, Uint8, UnitContext

FRAMES, FPS, SEED = 110, 3, 11
PLANTS = 200
"""Dropped masks at most; one a frame, so that a clip has as many as it has frames with a far person who is alone."""

IN_BACKGROUND = 40
"""People pasted into the background."""

JUDGED_EVERY = 5
"""Every so many published frames, people in the background are searched for."""

MASK_MODES = ("silhouette", "remove")
BACKGROUND_MODES = ("silhouette", "remove", "tracks-only", "skeleton")
OPS: Params = {"detect": {"model": DETECTOR}}


@dataclass(frozen=True)
class PlantedPeople:
    """People to paste into a background.

    Attributes:
        picture: ``(H, W, 3)`` BGR, the empty scene with the people in it.
        boxes: ``(M, 4)`` where they are.
    """

    picture: Uint8
    boxes: Float64


def plant_leaks(folder: Path) -> Figures:
    """Plants leaks in a crowd, and counts those that are covered in the published video after all, or not published."""
    footage = mosaic(folder / "crowd.mp4", view_cells(SEED), FRAMES, FPS)
    base = build_site(folder / "base", {CAMERA: footage.path}, weights(DETECTOR, OTHER_DETECTOR, POSE, FACES), OPS)
    run_ops(base, BEFORE_ANONYMIZE)
    kinds = (("far_masks", MASK_MODES, _far_masks), ("in_background", BACKGROUND_MODES, _in_background))
    figures: dict[str, Figures] = {}
    for kind, modes, plant in kinds:
        figures[kind] = {}
        for mode in modes:
            figures[kind][mode] = plant(base, folder, footage, mode)
            print(f"... plants/{kind}/{mode}: {figures[kind][mode]}", file=sys.stderr, flush=True)
    return dict(figures)


def _far_masks(base: Path, folder: Path, footage: Footage, mode: str) -> Figures:
    far = footage.truth.take(footage.far) if footage.far is not None else footage.truth
    plants = choose_plants(far, FRAMES, PLANTS)
    root = copy_site(base, folder / f"masks-{mode}", {**OPS, "anonymize": {"mode": mode}})
    sql = f"SELECT epoch_us(start_time) AS us FROM footage WHERE camera = '{CAMERA}'"
    start_us = int(query(open_site(root), sql)["us"][0].as_py())
    numbers = {round(frame.time_s * 1_000_000): number for number, frame in enumerate(read_frames(footage.path), 1)}
    dropper = MaskDropper(plants, lambda time_us: numbers.get(time_us - start_us, 0))
    video, reason = _run(root, altered_masks(dropper))
    if video is None:
        return {"published": False, "planted": len(dropper.dropped), "caught": len(dropper.dropped), "reason": reason}
    empty = footage.empty if MODES[mode].needs_background else None
    hidden: dict[int, float] = {}
    for pair in paired(footage.path, video):
        for row in sorted(dropper.dropped):
            if plants.frame[row] == pair.number:
                hidden[row] = float(_hidden(pair, plants.take(np.array([row])), empty)[0])
    judged = {row: share for row, share in hidden.items() if np.isfinite(share)}
    caught = sum(share >= LEAK_BELOW for share in judged.values())
    return {"published": True, "planted": len(judged), "caught": caught}


def _hidden(pair: Pair, people: FrameBoxes, empty: Uint8 | None) -> Float64:
    covered = covered_pixels(pair.anonymized, pair.original, AnonymizeParams().bgr, CODEC_TOLERANCE)
    return hidden_shares(pair, covered, people, empty)


def _in_background(base: Path, folder: Path, footage: Footage, mode: str) -> Figures:
    if footage.empty is None:
        raise ValueError("people can be pasted into the background of a fixed camera only")
    planted = paste_people(footage, footage.empty, IN_BACKGROUND)
    root = copy_site(base, folder / f"background-{mode}", {**OPS, "anonymize": {"mode": mode}})
    altered = 0

    def replace(inputs: Tables) -> Tables:
        nonlocal altered
        altered += len(inputs["backgrounds"])
        return with_people_in_background(inputs, planted)

    video, reason = _run(root, altered_inputs(replace))
    count = len(planted.boxes) if altered else 0
    if video is None:
        return {"published": False, "planted": count, "caught": count, "reason": reason}
    shown = np.zeros(len(planted.boxes), np.bool_)
    for number, frame in enumerate(read_frames(video)):
        if number % JUDGED_EVERY == 0:
            shown |= shown_plants(frame.image[: planted.picture.shape[0]], planted, footage.empty)
    return {"published": True, "planted": count, "caught": count - int(shown.sum())}


def _run(root: Path, altered: AbstractContextManager[None]) -> tuple[Path | None, str]:
    """Returns the published video, if there is one, and why there is none."""
    with altered:
        summary = run_ops(root)
    return published_videos(root).get(CAMERA), reason_of(summary)


@contextmanager
def altered_inputs(change: Callable[[Tables], Tables]) -> Iterator[None]:
    """Changes the tables that this process's anonymizer reads."""
    start = Anonymize.start

    def changed(op: Anonymize, unit: UnitContext, inputs: Tables, services: Services) -> AnonymizeSession:
        return start(op, unit, change(inputs), services)

    with mock.patch.object(Anonymize, "start", changed):
        yield


def paste_people(footage: Footage, empty: Uint8, count: int, seed: int = 5) -> PlantedPeople:
    """Pastes people from all frames of a clip into its empty scene, none near another."""
    random = np.random.default_rng(seed)
    chosen: list[int] = []
    for row in random.permutation(np.flatnonzero(footage.truth.counts)).tolist():
        box = footage.truth.box[row]
        width, height = box[2:] - box[:2]
        near = footage.truth.box[chosen] + np.array([-width, -height, width, height]) if chosen else np.empty((0, 4))
        if not ((near[:, :2] < box[2:]) & (near[:, 2:] > box[:2])).all(axis=1).any():
            chosen.append(row)
        if len(chosen) == count:
            break
    picture, rows = empty.copy(), footage.truth.take(np.array(chosen, np.int64))
    for number, frame in enumerate(read_frames(footage.path), 1):
        for x1, y1, x2, y2 in touched_px(rows.box[rows.frame == number], picture.shape).tolist():
            picture[y1:y2, x1:x2] = frame.image[y1:y2, x1:x2]
    return PlantedPeople(picture, rows.box)


def with_people_in_background(inputs: Tables, planted: PlantedPeople) -> Mapping[str, pa.Table]:
    """Returns the tables with people pasted into the picture of every background; what is unknown stays unknown."""
    table = inputs["backgrounds"]
    pictures = []
    for png in table["png"].to_pylist():
        picture = np.asarray(cv2.imdecode(np.frombuffer(png, np.uint8), cv2.IMREAD_COLOR), np.uint8)
        for x1, y1, x2, y2 in touched_px(planted.boxes, picture.shape).tolist():
            picture[y1:y2, x1:x2] = planted.picture[y1:y2, x1:x2]
        pictures.append(cv2.imencode(".png", picture)[1].tobytes())
    place = table.schema.get_field_index("png")
    changed = table.set_column(place, table.schema.field(place), pa.array(pictures, table.schema.field(place).type))
    return {**inputs, "backgrounds": changed}


def shown_plants(published: Uint8, planted: PlantedPeople, empty: Uint8) -> Bools:
    """Returns which of the pasted people ``(M,)`` a published frame shows: most of what tells their head."""
    tells = differing(planted.picture, empty, TELLS)
    seen = tells & ~differing(published, planted.picture, CODEC_TOLERANCE)
    zones = head_zones(planted.boxes)
    telling = np.nan_to_num(zone_shares(tells, zones))
    shown = np.nan_to_num(zone_shares(seen, zones))
    return np.asarray((telling >= LEAST_TELLING) & (shown > (1 - LEAK_BELOW) * telling))
