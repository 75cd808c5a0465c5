from storage.store.layout import part_file, video_file
from tests.storage.rows import CAMERA, DATE


def test_names_of_video() -> None:
    parts = {part_file(CAMERA, DATE, "s1", "f" * 64) for _ in range(2)}
    assert len(parts) == 2
    assert {name.rpartition("/")[0] for name in parts} == {"_parts/camera=cam1/date=2026-03-02"}
    assert video_file(CAMERA, DATE, "a/b") == "anonymized/camera=cam1/date=2026-03-02/a%2Fb.mp4"
