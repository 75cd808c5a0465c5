"""Of two boxes on one thing, one is kept."""

import numpy as np

from ops.tracking.detections import Detections, without_duplicates


def test_of_doubles_the_surer_stays() -> None:
    box = np.array([[0, 0, 10, 20], [1, 0, 11, 20], [50, 0, 60, 20], [0, 0, 10, 20]], float)
    detections = Detections(np.array([0.0, 0.1]), np.array([0, 0, 0, 1]), box, np.array([0.4, 0.9, 0.5, 0.3]))
    assert without_duplicates(detections, 0.6).tolist() == [1, 2, 3]
