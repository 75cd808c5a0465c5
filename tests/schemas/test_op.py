"""What an op reads is handed over under the name of whose it is."""

from schemas.op import Neighbour, Read


def test_a_read_is_handed_over_under_the_name_of_whose_it_is() -> None:
    keys = [Read("detections", neighbour, required=False).key for neighbour in Neighbour]
    assert keys == [
        "detections",
        "next.detections",
        "previous_day.detections",
        "others.detections",
        "stereo.detections",
    ]
