"""The benchmark of depth groups its figures, and names parts that do not exist."""

import pytest

from bench.depth import grouped, main


def test_figures_of_a_group_are_one_object() -> None:
    figures = {"slambook.frames": 5, "slambook.angle_deg": 0.1, "pipeline_equal": True, "pipeline.dpt": 1.0}
    assert grouped(figures) == {
        "slambook": {"frames": 5, "angle_deg": 0.1},
        "pipeline_equal": True,
        "pipeline": {"dpt": 1.0},
    }


def test_an_unknown_part_is_named(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr("sys.argv", ["depth", "--only", "nothing"])
    with pytest.raises(SystemExit):
        main()
    assert "invalid choice: 'nothing'" in capsys.readouterr().err
