"""Tunes how ``detect`` looks at a camera: measures profiles on its own footage, and stores the fastest that is good.

Profiles are compared with looks at every frame, by the tracks that each of them gives. One part of the stretches
chooses, the other part tells the loss that is stored. Footage is in memory only.
"""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from jobs.commands.excerpts import find_camera
from jobs.drawn_stretches import Stretches, draw_stretches
from jobs.planning.configure import ReadySite, configure_site
from jobs.planning.fingerprint import SHORT_DIGITS, digest
from jobs.planning.inventory import recorded_inventory
from jobs.profiles import PROFILES, UNGATED, Measured, Profile, fitting, why_ungated
from jobs.site import Site
from jobs.stretch_looks import StretchLooks
from ops.detect.settings import BACKGROUND_S
from ops.tracking.agreement import TrackAgreement
from schemas.camera_ids import camera_id
from schemas.errors import ModelError, TransientError, UserError
from schemas.op import DETECTOR, Models, Tables
from schemas.tuned import Judged, MeasuredWith, TunedCamera, TunedParams
from schemas.values import Segment
from storage.site.tuned import forget_tuned, write_tuned

Progress = Callable[[float, float, str], None]

WITHIN = 0.05
"""Default bound of the loss."""

STRETCHES, LEAST_STRETCHES = 8, 2
"""Most stretches by default, and fewest: one for each part."""

LEAST_BOXES = 100
"""Fewest boxes of the reference in each part: one person for ten seconds. Fewer say nothing of tracks."""


@dataclass(frozen=True)
class Tuned:
    """A camera that was tuned.

    Attributes:
        path: of the file that was written.
        stored: its content.
        compared: what the profiles gave on the first part, from careful to fast.
        runs: of the network at every frame there.
        unreadable: number of stretches that could not be read.
    """

    path: Path
    stored: TunedCamera
    compared: tuple[Measured, ...]
    runs: int
    unreadable: int


def tune_camera(
    site: Site, camera: str, within: float = WITHIN, stretches: int = STRETCHES, progress: Progress | None = None
) -> Tuned:
    """Measures profiles on a camera's footage and stores the fastest whose loss is within a bound.

    Args:
        site: whose footage and weights are used.
        camera: its id.
        within: bound of the loss, 0..1.
        stretches: most stretches of footage.
        progress: called with the looks done, all of them, and what is being done; None for no calls.

    Raises:
        SelectionError: there is no such camera.
        ModelError: there are no weights of a detector.
        UserError: nothing can be tuned, or there is too little footage to judge. Nothing is stored then.
    """
    camera = find_camera(site, camera)
    ready = configure_site(site.files)
    models = _require_tunable(ready, camera)
    drawn = draw_stretches(site, recorded_inventory(site.store).timeline, camera, stretches)
    if not drawn.test:
        raise UserError(
            f"camera {camera} needs {LEAST_STRETCHES} stretches of {BACKGROUND_S:g} s within its segments, and the "
            f"last scan found {len(drawn.validation)}: nothing was stored; add footage, then `nightshift scan`; "
            f"segments of less than {BACKGROUND_S:g} s (segment_s) are looked at frame by frame, and not tuned"
        )
    return _Tuning(site, ready, models, camera, within, progress).run(drawn)


def forget_camera(site: Site, camera: str) -> bool:
    """Removes what is stored of a camera; returns whether anything was.

    Args:
        camera: its id; it need not have footage any more.
    """
    return forget_tuned(site.files.root, camera_id(camera))


def measured_with(ready: ReadySite) -> MeasuredWith:
    """Returns what a measurement depends on, as the site is now."""
    detect, track = ready.ops["detect"], ready.ops["track"]
    model = detect.models[DETECTOR]
    without = {*TunedParams.model_fields, "sample_share", "model"}  # the weights have their hash
    others = {name: value for name, value in asdict(detect.op.params).items() if name not in without}
    colours = ready.ops.get("appearance")
    if colours is not None:
        others |= {"appearance": [colours.op.spec.version, asdict(colours.op.params)]}
    return MeasuredWith.model_validate(
        {
            "weights": model.name,
            "sha256": model.sha256,
            "detect": detect.op.spec.version,
            "track": track.op.spec.version,
            "others": digest([others, asdict(track.op.params)])[:SHORT_DIGITS],
        }
    )


def _require_tunable(ready: ReadySite, camera: str) -> Models:
    """Returns the detector's weights, if its looks at a camera can be tuned."""
    for op in ("detect", "track"):
        if op not in ready.ops:
            raise UserError(f"op {op} does not run at this site (skip_ops): there is nothing to tune")
    detect = ready.ops["detect"]
    if DETECTOR not in detect.models:
        raise ModelError(
            "tune needs the weights of a detector: motion alone has no looks to save; import some with "
            "`nightshift models import FILE`"
        )
    if not ready.site.config.camera_view(camera).fixed:
        raise UserError(
            f"camera {camera} is not fixed (site.toml): every frame is looked at, so there is nothing to tune"
        )
    given = sorted(set(TunedParams.model_fields) & set(ready.site.config.ops.get("detect", {})))
    if given:
        raise UserError(
            f"site.toml gives {' and '.join(given)} under [ops.detect], which holds for every camera: "
            "remove that, so that tune can choose"
        )
    return detect.models


class _Tuning:
    """The measurement of one camera."""

    def __init__(
        self, site: Site, ready: ReadySite, models: Models, camera: str, within: float, progress: Progress | None
    ) -> None:
        self._site = site
        self._ready = ready
        self._models = models
        self._camera = camera
        self._within = within
        self._looks = StretchLooks(ready, camera)
        self._progress = progress

    def run(self, stretches: Stretches) -> Tuned:
        """Chooses on one part, tests on the other, and stores."""
        with self._looks.opened(self._models):
            chooses = self._part("choose", stretches.validation, len(PROFILES))
            compared = [chooses.measure(profile) for profile in PROFILES]
            tests = self._part("test", stretches.test, 1)
            refused = []
            for choice in fitting(compared, chooses.runs, self._within):
                found = tests.measure(choice.profile)
                if found.loss <= self._within:
                    break
                refused.append(found)
            else:
                choice, found = (Measured(UNGATED, 0.0, part.runs) for part in (chooses, tests))
        why = why_ungated(compared, chooses.runs, refused) if choice.profile is UNGATED else ""
        stored = TunedCamera.model_validate(
            {
                "camera": self._camera,
                "profile": choice.profile.name,
                "why": why,
                "within": self._within,
                "measured": datetime.now(UTC).date(),
                "params": choice.profile.params,
                "validation": chooses.judged(choice),
                "test": tests.judged(found),
                "with": measured_with(self._ready),
            }
        )
        path = write_tuned(self._site.files.root, stored)
        return Tuned(path, stored, tuple(compared), chooses.runs, self._looks.unreadable)

    def _part(self, what: str, segments: Sequence[Segment], profiles: int) -> "_Part":
        done, total = 0, len(segments) * (1 + profiles)

        def progress(note: str) -> None:
            nonlocal done
            if self._progress:
                self._progress(min(done, total), total, f"{what}: {note}")
            done += 1

        part = _Part(self._looks, segments, progress)
        if part.boxes < LEAST_BOXES:
            lost = f" ({self._looks.unreadable} more could not be read)" if self._looks.unreadable else ""
            raise UserError(
                f"{part.stretches} stretches of {self._camera}{lost}, {part.seconds:.0f} s in all, show {part.boxes} "
                f"boxes in tracks, of {LEAST_BOXES} at least: nothing was stored; `nightshift run` first, so that it "
                "is known when somebody is there, give more --stretches, or add footage"
            )
        return part


class _Part:
    """Some stretches, with the tracks of looks at every frame.

    Attributes:
        runs: of the network for these looks.
        stretches, seconds: number and length of the stretches that could be read.
        tracks, boxes: what these looks gave.
    """

    def __init__(self, looks: StretchLooks, segments: Sequence[Segment], progress: Callable[[str], None]) -> None:
        self._looks = looks
        self._progress = progress
        self._reference: list[tuple[Segment, Tables]] = []
        self.runs = 0
        for segment in segments:
            progress("every frame")
            if (found := looks.follow(segment, UNGATED.params)) is not None:
                self._reference.append((segment, found[0]))
                self.runs += found[1]
        self.stretches = len(self._reference)
        self.seconds = sum(segment.duration_s for segment, _ in self._reference)
        self.tracks = sum(tables["tracklets"].num_rows for _, tables in self._reference)
        self.boxes = sum(tables["tracklet_points"].num_rows for _, tables in self._reference)

    def measure(self, profile: Profile) -> Measured:
        """Returns what a profile gives."""
        agreement, runs = TrackAgreement(), 0
        for segment, reference in self._reference:
            self._progress(profile.name)
            found = self._looks.follow(segment, profile.params)
            if found is None:
                raise TransientError(f"{segment.path} could be read before, and cannot be read now: tune again")
            agreement.add(reference, found[0])
            runs += found[1]
        return Measured(profile, agreement.loss, runs)

    def judged(self, measured: Measured) -> Judged:
        """Returns the figures of a profile, as they are stored."""
        return Judged(
            loss=round(measured.loss, 4),
            runs_share=round(measured.runs / max(self.runs, 1), 4),
            stretches=self.stretches,
            seconds=round(self.seconds, 1),
            tracks=self.tracks,
            boxes=self.boxes,
        )
