"""The benchmark of results on the map names parts that do not exist, and scores counts against the truth."""

from contextlib import closing
from dataclasses import replace

import pytest

from bench.geo import main
from bench.geo_counts import sample_figures
from jobs.commands.results import connect
from jobs.site import open_site
from sample_site.truth import TrueStay, load_truth


def test_an_unknown_part_is_named(monkeypatch, capsys):
    monkeypatch.setattr("sys.argv", ["geo", "--only", "nothing"])
    with pytest.raises(SystemExit):
        main()
    assert "invalid choice: 'nothing'" in capsys.readouterr().err


def test_occupancy_that_was_counted_is_right_and_what_is_missing_is_its_share(night_site):
    truth = load_truth(night_site)
    with closing(connect(open_site(night_site))) as connection:
        found = connection.execute(
            "SELECT camera, track_id, zone, start_time, end_time, dwell_s FROM stays "
            "WHERE label = 'person' AND zone <> 'view' ORDER BY ALL"
        ).fetchall()
        stays = tuple(TrueStay(*row[:5]) for row in found)
        figures = sample_figures(replace(truth, stays=stays), connection)
        assert figures["sample.people"] == 2 and figures["sample.occupancy_error"] == 0
        short = sample_figures(replace(truth, stays=stays[1:]), connection)["sample.occupancy_error"]
    lengths = [row[5] for row in found]
    assert short == pytest.approx(lengths[0] / sum(lengths[1:]), abs=1e-4)
