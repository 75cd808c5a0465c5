"""``publish`` merges all covered parts of a footage, or none."""

from collections.abc import Sequence

import pyarrow as pa
import pytest

from ops.publish import Publish
from schemas.errors import CoverageError
from schemas.tables import TABLES
from schemas.values import Segment, UnitContext, VideoFile
from tests.support.fakes import FOOTAGE_ID, FakeServices, make_segment, make_unit

SEGMENTS = tuple(make_segment(index) for index in range(3))
UNIT = make_unit(SEGMENTS, unit=FOOTAGE_ID)


class MergingServices(FakeServices):
    """Merges parts of 100 frames each, less ``lost``."""

    def __init__(self, lost: int = 0) -> None:
        super().__init__()
        self.lost = lost

    def merge_video(self, unit: UnitContext, parts: Sequence[str]) -> VideoFile:
        self.merged.append(tuple(parts))
        return VideoFile(f"anonymized/{unit.unit}.mp4", 100 * len(parts) - self.lost, 4321, "ab" * 32)


FIGURES: dict[str, object] = {
    "level": "solid boxes",
    "targets": "person",
    "frames_widened": 2,
    "frames_whole": 1,
    "frames_lost": 0,
    "frames_repeated": 1,
    "verified_frames": 110,
    "verifier_findings": 3,
    "verified_by": "paint, residual, detector HOG",
    "background_frames": 100,
    "dismissed_frames": 4,
    "params": "{}",
    "models": "{}",
}


def parts_of(segments: Sequence[Segment], modes: Sequence[str] = ("solid",) * 9, **more: Sequence[object]) -> pa.Table:
    rows = [
        {
            "camera": segment.camera,
            "segment_id": segment.segment_id,
            "footage_id": segment.footage_id,
            "path": f"_parts/{segment.segment_id}.mp4",
            "frames": 100,
            "size_bytes": 1000,
            "sha256": "0" * 64,
            "mode": mode,
            "covered_frames": 10 * (segment.index + 1),
            "covered_share": 0.1 * (segment.index + 1),
            **FIGURES,
            **{name: values[place] for name, values in more.items()},
        }
        for place, (segment, mode) in enumerate(zip(segments, modes, strict=False))
    ]
    spec = TABLES["anonymized_segments"]
    return spec.conform({name: [row.get(name) for row in rows] for name in spec.schema.names}) if rows else spec.empty()


def publish(parts: pa.Table, services: FakeServices) -> pa.Table:
    return Publish().run(UNIT, {"anonymized_segments": parts}, services)["anonymized"]


def test_parts_are_merged_in_order_of_time_and_their_figures_add_up() -> None:
    services = MergingServices()
    (row,) = publish(parts_of(SEGMENTS[::-1]), services).to_pylist()
    assert services.merged == [tuple(f"_parts/{segment.segment_id}.mp4" for segment in SEGMENTS)]
    assert (row["frames"], row["covered_frames"], row["mode"]) == (300, 60, "solid")
    assert row["covered_share"] == pytest.approx(0.2)
    assert (row["start_time"], row["end_time"]) == (SEGMENTS[0].start, SEGMENTS[-1].end)


def test_what_is_known_of_the_parts_is_summed() -> None:
    (row,) = publish(parts_of(SEGMENTS, unknown_share=[0.0, None, 0.2]), MergingServices()).to_pylist()
    assert {name: row[name] for name in ("level", "targets", "params", "models")} == {
        name: FIGURES[name] for name in ("level", "targets", "params", "models")
    }
    assert (row["frames_widened"], row["frames_whole"], row["frames_lost"]) == (6, 3, 0)
    assert (row["verified_frames"], row["verifier_findings"], row["background_frames"]) == (330, 9, 300)
    assert row["unknown_share"] == pytest.approx(0.1)


def test_what_is_not_known_of_one_part_is_not_known_of_the_whole() -> None:
    parts = parts_of(SEGMENTS, verified_frames=[5, None, 5], verified_by=["paint", None, "paint"])
    (row,) = publish(parts, MergingServices()).to_pylist()
    assert row["verified_frames"] is None and row["verified_by"] is None and row["verifier_findings"] == 9


def test_it_was_verified_by_the_checks_of_every_part() -> None:
    by = ["paint, residual, face yunet", "paint, face yunet", "paint, residual, face yunet"]
    (row,) = publish(parts_of(SEGMENTS, verified_by=by), MergingServices()).to_pylist()
    assert row["verified_by"] == "paint, face yunet"


def double(parts: pa.Table) -> pa.Table:
    return pa.concat_tables([parts, parts.slice(0, 1)])


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        (parts_of(SEGMENTS[:2]), f"missing: \\['{SEGMENTS[2].segment_id}'\\]"),
        (parts_of([]), "0 covered parts"),
        (double(parts_of(SEGMENTS)), "4 covered parts"),
        (parts_of([*SEGMENTS, make_segment(7)]), f"of no segment: \\['{make_segment(7).segment_id}'\\]"),
        (parts_of(SEGMENTS, ("solid", "pixelate", "solid")), "different modes"),
        (parts_of(SEGMENTS, params=["{}", '{"mode": "solid"}', "{}"]), "different parameters"),
        (parts_of(SEGMENTS, targets=["person", "person", "head"]), "different targets"),
    ],
)
def test_nothing_is_published_unless_every_part_is_there_once(parts: pa.Table, message: str) -> None:
    services = MergingServices()
    with pytest.raises(CoverageError, match=message):
        publish(parts, services)
    assert not services.merged


def test_frames_lost_in_merging_are_noticed() -> None:
    with pytest.raises(CoverageError, match="300 frames, but merged they have 299"):
        publish(parts_of(SEGMENTS), MergingServices(lost=1))
