"""Modes say what they leave open, in words that promise no more than was measured."""

import dataclasses
from typing import get_args

import pytest

from schemas.anonymity import MODES, TARGETS, AnonymityMode, ModeName, TargetName

ALL = pytest.mark.parametrize("mode", MODES.values(), ids=lambda mode: mode.name)


def test_the_names_are_those_of_the_types_and_silhouette_comes_first() -> None:
    assert tuple(MODES) == get_args(ModeName)
    assert tuple(TARGETS) == get_args(TargetName)
    assert next(iter(MODES)) == "silhouette"
    assert all(name == mode.name for name, mode in MODES.items())


@ALL
def test_a_mode_states_its_level_and_its_residual_risk_and_never_complies(mode: AnonymityMode) -> None:
    assert mode.statement.startswith(f"anonymized to level {mode.level}")
    assert mode.statement.endswith(f"residual risk: {mode.residual_risk}")
    assert mode.residual_risk
    text = f"{mode.statement} {mode.summary}".lower()
    assert not any(word in text for word in ("gdpr", "complian", "anonymous", "guarantee"))


@ALL
def test_no_mode_that_shows_people_is_said_to_withstand_everything(mode: AnonymityMode) -> None:
    assert "yes" not in dataclasses.astuple(mode.withstands)
    assert (mode.marked != "") == (mode.withstands.linkability == "no")


def test_what_can_be_linked_or_seen_through_is_marked() -> None:
    marked = {name: mode.marked for name, mode in MODES.items() if mode.marked}
    assert marked == {"skeleton": "linkable", "pixelate": "linkable", "blur": "weak"}
    assert "gait" in MODES["silhouette"].residual_risk
    assert "gait" in MODES["skeleton"].residual_risk
    assert "gait" in MODES["replace"].residual_risk and "place" in MODES["replace"].residual_risk


def test_modes_that_show_the_background_need_it() -> None:
    assert [name for name, mode in MODES.items() if mode.needs_background] == ["skeleton", "remove", "tracks-only"]


def test_modes_and_targets_cannot_be_changed() -> None:
    with pytest.raises(TypeError):
        MODES["blur"] = MODES["solid"]  # type: ignore[index]
    with pytest.raises(TypeError):
        TARGETS["person"] = ()  # type: ignore[index]
    with pytest.raises(dataclasses.FrozenInstanceError):
        MODES["blur"].level = "strong"  # type: ignore[misc]
