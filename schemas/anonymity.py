"""Modes and targets of anonymization: how people are covered, and what each mode leaves open.

The risks are those of the Article 29 Working Party's opinion 05/2014 on anonymisation techniques: *singling out* (one
person can be distinguished from all others), *linkability* (two records can be linked to one person) and *inference*
(something about a person can be deduced from the rest). "yes": the mode withstands the risk; "partly": the risk is
smaller than in the footage; "no": it remains.

The rates are measured-real on PETS09-S2L1 (bench/anonymize.py): how often the right person was found first, among
pictures as filmed and among pictures covered the same way, by the strongest re-identification network available and by
an attacker who measures shape, gait, colour and path. ``schemas/reidentification.py`` has all figures; with 84 queries,
a rate is good to .08.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

from schemas.reidentification import ATTACKER_CHANCE, CHANCE, ONLY_SCENE, REIDENTIFIED

ModeName = Literal["silhouette", "solid", "skeleton", "remove", "pixelate", "blur", "tracks-only", "replace"]
TargetName = Literal["person", "head", "vehicle", "vehicle-occupants", "number-plate", "screen"]
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


def _rates(mode: ModeName) -> str:
    """Returns the sentences that state how often people were re-identified in a mode."""
    found = REIDENTIFIED[mode]
    measured = {"shape": found.shape, "gait": found.gait, "colour": found.colour, "path": found.path}
    best = max(measured, key=lambda name: measured[name])
    alike = max(found.alike, found.wide)
    by_measuring = f"{_rate(measured[best])} by {best} alone (chance {_rate(ATTACKER_CHANCE)})"
    if measured[best] <= ATTACKER_CHANCE:
        by_measuring = "no more often than by chance from shape, gait, colour or path"
    return (
        f"Re-identified by a network in {_rate(found.as_filmed)} of cases, in {_rate(alike)} with other footage "
        f"covered alike (chance {_rate(CHANCE)}, by the place alone {_rate(ONLY_SCENE)}, as filmed "
        f"{_rate(REIDENTIFIED['original'].as_filmed)}); by measuring, {by_measuring}"
    )


def _rate(share: float) -> str:
    """Formats a share as .14."""
    return f"{share:.2f}".removeprefix("0")


_MODES = (
    AnonymityMode(
        "silhouette",
        level="silhouettes",
        summary="Flat shapes of people; on a fixed camera they follow the body, elsewhere they are boxes.",
        residual_risk="outline, height and gait remain, which identify people whose way of moving is known, and serve "
        f"attackers who train on silhouettes; place, time and company remain. {_rates('silhouette')}",
        withstands=Withstands(singling_out="partly", linkability="partly", inference="partly"),
    ),
    AnonymityMode(
        "solid",
        level="solid boxes",
        summary="Flat boxes around people.",
        residual_risk="size and pace of a box, path, place, time and company remain; the outline mostly does not. "
        f"{_rates('solid')}",
        withstands=Withstands(singling_out="partly", linkability="partly", inference="partly"),
    ),
    AnonymityMode(
        "skeleton",
        level="skeletons",
        summary="Limbs drawn on the background in place of people.",
        residual_risk="posture, proportions and gait are kept on purpose: people are linkable by gait, by trained "
        "attackers above all, and their actions are visible; place, time and company remain. Colours and faces do not. "
        f"{_rates('skeleton')}. A colour per track links its people",
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
        f"background. {_rates('remove')}",
        withstands=Withstands(singling_out="partly", linkability="partly", inference="partly"),
        needs_background=True,
    ),
    AnonymityMode(
        "pixelate",
        level="coarse blocks",
        summary="Coarse blocks of people's own colours, for viewers who may see the people.",
        residual_risk="colours of clothes and bags, outline and gait remain, which identify people whose clothes are "
        f"known. {_rates('pixelate')}",
        withstands=Withstands(singling_out="no", linkability="no", inference="partly"),
        marked="linkable",
    ),
    AnonymityMode(
        "blur",
        level="blur",
        summary="A strong blur over people, for viewers who may see the people.",
        residual_risk="colours, outline and gait remain, and a trained attacker restores part of what is blurred. "
        f"{_rates('blur')}",
        withstands=Withstands(singling_out="no", linkability="no", inference="no"),
        marked="weak",
    ),
    AnonymityMode(
        "tracks-only",
        level="tracks only",
        summary="Outlines of boxes on the background; no pixel of the frames themselves.",
        residual_risk="paths, times, sizes and company remain, and a path alone can single out a person for somebody "
        "who knows where they were; a person who did not move and was not found for long is part of the background. "
        f"No appearance remains. {_rates('tracks-only')}. A colour per track links its people",
        withstands=Withstands(singling_out="partly", linkability="partly", inference="partly"),
        needs_background=True,
    ),
    AnonymityMode(
        "replace",
        level="silhouettes on a plain scene",
        summary="Flat shapes of people on one plain colour; no pixel of the frames themselves.",
        residual_risk="outline, height and gait remain, as in silhouettes; where people walk, how their size changes "
        "and what hides them trace the ground and the view, which may tell the place to somebody who knows it; time "
        "and company remain. No appearance of people or place remains. "
        f"{_rates('replace')}. A colour per track links its people",
        withstands=Withstands(singling_out="partly", linkability="partly", inference="partly"),
    ),
)

MODES: Mapping[str, AnonymityMode] = MappingProxyType({mode.name: mode for mode in _MODES})
"""All modes by name; the first is the default."""

TARGETS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "person": ("person",),
        "head": ("person",),
        "vehicle": ("bicycle", "car", "motorcycle", "bus", "truck"),
        "vehicle-occupants": ("car", "bus", "truck"),
        "number-plate": ("license_plate", "number_plate", "license plate"),
        "screen": ("tv", "laptop", "cell phone"),
    }
)
"""Targets, with the labels that detectors give them; ``head`` is the head zone of people, ``vehicle-occupants`` the
windows of large vehicles."""
