"""People in vehicles: the target ``vehicle-occupants`` covers the part of a vehicle's box in which its windows are."""

import numpy as np

from ops.anonymize.geometry import EDGE_PX
from ops.anonymize.locate.spans import NOBODY, Spans
from ops.boxes import size
from schemas.anonymity import TargetName
from schemas.values import Float64

OCCUPANTS: TargetName = "vehicle-occupants"
"""The target: not all of a vehicle, but its windows."""

WINDOWS = 0.75
"""Part of a vehicle's box, share of its height from the top, that holds windscreen and windows.

From standard proportions: the windows of a car of 1.5 m begin about .9 m above the road, those of a bus of 3 m, and the
windscreen of a truck's cab of 3.2 m, about 1 m: .4 to .7. From above, roof and bonnet share the box. Measured-real on
the car of person-bicycle-car-detection.gif, from above: its rear window ends at .68. The padding of boxes comes on top.
"""


def occupant_spans(vehicles: Spans, least_px: float, frame_height_px: int) -> Spans:
    """Builds the spans of the windows of vehicles.

    Args:
        vehicles: spans of whole vehicles.
        least_px: height in pixels from which a vehicle's occupants are covered. A vehicle that is as high at any time
            of its track counts all the time, so that the cover does not come and go.
        frame_height_px: a box that ends at the lower edge of the picture is cut off there, and is covered completely.
    """
    large = _largest_px(vehicles) >= least_px
    first, last = vehicles.first[large].copy(), vehicles.last[large].copy()
    for boxes in (first, last):
        cut_off = boxes[:, 3] >= frame_height_px - EDGE_PX
        boxes[:, 3] = np.where(cut_off, boxes[:, 3], boxes[:, 1] + WINDOWS * size(boxes)[:, 1])
    return Spans(
        vehicles.start_us[large], vehicles.end_us[large], first, last, vehicles.sure[large], vehicles.owner[large]
    )


def _largest_px(vehicles: Spans) -> Float64:
    """Returns for each span the largest height of its track, or its own without a track."""
    # Beyond a track's ends its boxes grow since nobody knows where the vehicle is, not since it is nearer.
    known = np.where(vehicles.sure, np.maximum(size(vehicles.first)[:, 1], size(vehicles.last)[:, 1]), 0.0)
    owners, numbers = np.unique(vehicles.owner, return_inverse=True)
    largest = np.zeros(len(owners))
    np.maximum.at(largest, numbers, known)
    own = np.minimum(size(vehicles.first)[:, 1], size(vehicles.last)[:, 1])
    return np.asarray(np.where(vehicles.owner == NOBODY, own, largest[numbers]))
