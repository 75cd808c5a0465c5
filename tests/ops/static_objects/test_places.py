"""Changes and detections at one place are grouped; what lies apart is not."""

import numpy as np
import pytest

from ops.static_objects.evidence import Change, Sighting
from ops.static_objects.places import Place, places_of

SIZE_PX = (320, 240)
BOX = (100, 60, 140, 90)


def change(box: tuple[int, int, int, int], before: int = 0, after: int = 1, contrast: float = 40.0) -> Change:
    mask = np.zeros((SIZE_PX[1], SIZE_PX[0]), bool)
    mask[box[1] : box[3], box[0] : box[2]] = True
    return Change(before, after, None, None, np.array(box, np.float64), mask, contrast, 0.8)


def sighting(box: tuple[float, ...], segment: int = 0) -> Sighting:
    return Sighting(segment, "car", 0, 10, np.array(box, np.float64), 5, 0.5)


def test_boxes_that_overlap_are_one_place() -> None:
    (place,) = places_of([change((102, 62, 142, 92), 3, 4)], [sighting(BOX), sighting((101, 60, 141, 91), 1)])
    assert (len(place.changes), len(place.sightings)) == (1, 2)
    assert place.box.tolist() == list(BOX)


def test_a_part_belongs_to_the_whole_if_it_changed_with_it() -> None:
    part = (102, 80, 112, 89)
    assert len(places_of([change(part, 0, 0), change(BOX)], [])) == 1
    assert len(places_of([change(part, 5, 6), change(BOX)], [])) == 2, "something was put on it later"


def test_part_of_a_car_differs_from_the_ground() -> None:
    half = change((101, 61, 125, 89))
    assert len(places_of([half], [sighting(BOX)])) == 1
    assert len(places_of([change((101, 61, 107, 67))], [sighting(BOX)])) == 2, "too small a part"
    assert len(places_of([change((150, 60, 190, 90))], [sighting(BOX)])) == 2, "beside it"


@pytest.mark.parametrize("box", [(10.2, 10.2, 10.6, 10.6), (-5.0, -5.0, -1.0, -1.0), (319.5, 239.5, 330.0, 250.0)])
def test_a_place_has_a_pixel_however_small_it_is(box: tuple[float, ...]) -> None:
    assert Place(np.array(box), sightings=[sighting(box)]).mask(SIZE_PX).any()


def test_the_mask_is_that_of_the_strongest_change_at_the_place() -> None:
    weak, strong = change(BOX, contrast=20), change((101, 60, 140, 90), 2, 3, contrast=50)
    (place,) = places_of([weak, strong], [])
    assert (place.mask(SIZE_PX) == strong.mask).all()
    assert place.contrast == 50
