"""The film of interactions goes through the real ops, and its scores say what was found."""

from pathlib import Path

import pytest

from bench import interactions_sample
from bench.interactions_material import Inputs, build_film, made_inputs
from bench.interactions_sample import score_rows
from schemas.tables import TABLES
from tests.support.short_film import SHORT


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("interactions")


@pytest.fixture(scope="module")
def inputs(folder: Path) -> Inputs:
    return made_inputs(folder, 7, SHORT)


def test_people_and_things_of_the_film_get_tracks_and_places(inputs: Inputs) -> None:
    tracks = inputs.tables["tracks"].to_pylist()
    assert {row["label"] for row in tracks} == {"person", "bicycle", "car", "suitcase"}
    assert inputs.tables["positions"].num_rows > 100
    assert inputs.unit.camera.calibrated and len(inputs.unit.segments) == 3
    assert {"appearance", "background", "track", "link", "positions", "counts", "statics"} == inputs.seconds.keys()


def test_a_second_call_reads_the_same_tables(folder: Path, inputs: Inputs) -> None:
    again = made_inputs(folder, 7, SHORT)
    assert again.seconds == inputs.seconds
    assert all(again.tables[name].equals(table) for name, table in inputs.tables.items())


def test_rows_are_scored_by_verb_against_the_truth_of_the_film(
    folder: Path, inputs: Inputs, monkeypatch: pytest.MonkeyPatch
) -> None:
    film = build_film(folder, 7, SHORT)
    nothing = score_rows(film, TABLES["interactions"].empty(), inputs.tables)
    assert nothing["verbs"].keys() == {"rides", "falls", "carries", "puts_down", "picks_up"}
    assert all(each["recall"] == 0 and each["naudc"] == 1 for each in nothing["verbs"].values())
    assert len(nothing["missed"]) == sum(each["true"] for each in nothing["verbs"].values())
    monkeypatch.setattr(interactions_sample, "made_inputs", lambda *_: inputs)
    monkeypatch.setattr(interactions_sample, "build_film", lambda *_: film)
    figures = interactions_sample.made_figures(folder, 7)
    assert figures["verbs"]["rides"]["recall"] == 1.0
    assert figures["cost"]["interactions"] > 0
