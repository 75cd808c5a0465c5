"""What looks like a person in a background: unsure finds count, and large ones only if they are there from afar."""

from collections.abc import Sequence

import numpy as np

from ops.anonymize.detectors import DetectorSet
from ops.anonymize.verify.second_detectors import Found
from ops.detect.tiles import Look, pyramid
from schemas.values import Float64, Uint8

BACKGROUND = np.full((240, 320, 3), 90, np.uint8)


class Detector:
    """Finds given boxes in the background, and others in the same picture with a border around it."""

    sure = 0.5

    def __init__(self, near: list[list[float]], afar: list[list[float]]) -> None:
        self._near, self._afar = near, afar
        self.calls = 0

    def looks(self, size_px: tuple[int, int]) -> tuple[Look, ...]:
        return pyramid(size_px, size_px, 20.0)

    def find(self, frame: Uint8, looks: Sequence[Look] | None = None) -> Found:
        self.calls += 1
        found = self._near if frame.shape == BACKGROUND.shape else self._afar
        return np.array(found, np.float64).reshape(-1, 5)


def people_in(detector: Detector) -> Float64:
    return DetectorSet(detector, None, None, None, {}).people_in(BACKGROUND)


def test_unsure_people_count_and_one_look_is_enough_for_those_of_usual_size() -> None:
    detector = Detector([[50, 60, 70, 110, 0.12], [200, 60, 220, 110, 0.08]], [])
    np.testing.assert_allclose(people_in(detector), [[47, 52.5, 73, 117.5]])
    assert detector.calls == 1


def test_what_fills_the_picture_counts_if_it_is_found_from_afar_too() -> None:
    whole, margin = [40.0, 0.0, 316.0, 239.0], 160
    there = [side + margin for side in whole]
    assert len(people_in(Detector([[*whole, 0.15]], []))) == 0
    assert len(people_in(Detector([[*whole, 0.15]], [[*there, 0.04]]))) == 0
    assert len(people_in(Detector([[*whole, 0.15]], [[*there, 0.06]]))) == 1
    assert len(people_in(Detector([[*whole, 0.9]], [[margin, margin, margin + 30, margin + 60, 0.9]]))) == 0
