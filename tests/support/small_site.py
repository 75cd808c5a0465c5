"""A sample site for tests that run many nights: a run takes a quarter of the time of one of ``TINY``."""

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
