"""Sample sites for tests that run many nights: a run takes a quarter of the time of one of ``TINY``, or less."""

from dataclasses import replace

from sample_site import TINY

SMALL = replace(
    TINY,
    cameras=TINY.cameras[:1],
    size_px=(240, 136),
    file_s=6,
    segment_s=3,
    fps=5,
    params={**TINY.params, "background": {"samples": 6}, "second_look": {"dense_fps": 0.5}},
)
"""One camera, two sound files, four segments: a person crosses the border of the files, and every op writes rows."""

SMALLEST = replace(
    SMALL,
    size_px=(160, 90),
    file_s=5,
    segment_s=5,
    params={**SMALL.params, "background": {"samples": 4}},
)
"""As ``SMALL``, with one segment a file: for the faults, which ask for units and rows of every op, not for scenes."""
