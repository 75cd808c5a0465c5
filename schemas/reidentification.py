"""How often people were re-identified in covered footage, by mode: the figures that ``anonymity`` and the docs state.

``python -m bench.reid_figures`` writes the numbers from the output of ``bench.anonymize --only reid --json``.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType


@dataclass(frozen=True)
class Reidentified:
    """Rank 1, 0..1, of one mode's people, by two networks and by an attacker who measures.

    Attributes:
        weak_as_filmed, weak_alike: by OSNet, in a gallery as filmed, and in one covered the same way.
        as_filmed, alike: by person-reidentification-retail-0287.
        wide: as ``alike``, by pictures wide enough to show the whole cover.
        only_cover: as ``alike``, with all grey that is not covered.
        shape, gait, colour, path, together: by the attacker who measures these, in a gallery covered the same way.
    """

    weak_as_filmed: float
    weak_alike: float
    as_filmed: float
    alike: float
    wide: float
    only_cover: float
    shape: float
    gait: float
    colour: float
    path: float
    together: float


# The numbers, until the end of the file, are written by bench.reid_figures.

CHANCE, ATTACKER_CHANCE = 0.14, 0.22
"""Rank 1 of a random guess: for the networks, and for the attacker who measures."""

ONLY_SCENE, ONLY_SCENE_WIDE = 0.19, 0.14
"""Rank 1 of the stronger network by crops of the empty scene at the same boxes, and by wider ones."""

REIDENTIFIED: Mapping[str, Reidentified] = MappingProxyType(
    {
        "original": Reidentified(0.60, 0.60, 0.90, 0.90, 0.70, 0.14, 0.44, 0.19, 0.79, 0.28, 0.47),
        "silhouette": Reidentified(0.21, 0.19, 0.14, 0.15, 0.29, 0.15, 0.52, 0.27, 0.22, 0.25, 0.34),
        "solid": Reidentified(0.18, 0.15, 0.07, 0.18, 0.18, 0.18, 0.28, 0.27, 0.27, 0.24, 0.23),
        "skeleton": Reidentified(0.25, 0.25, 0.14, 0.21, 0.21, 0.36, 0.31, 0.21, 0.21, 0.26, 0.14),
        "remove": Reidentified(0.15, 0.23, 0.17, 0.17, 0.14, 0.24, 0.21, 0.19, 0.25, 0.21, 0.22),
        "pixelate": Reidentified(0.13, 0.24, 0.19, 0.32, 0.31, 0.25, 0.39, 0.43, 0.53, 0.28, 0.44),
        "blur": Reidentified(0.19, 0.31, 0.26, 0.43, 0.48, 0.40, 0.38, 0.27, 0.41, 0.24, 0.29),
        "tracks-only": Reidentified(0.21, 0.24, 0.15, 0.19, 0.20, 0.19, 0.42, 0.18, 0.17, 0.30, 0.25),
        "replace": Reidentified(0.24, 0.21, 0.13, 0.15, 0.26, 0.14, 0.50, 0.23, 0.40, 0.26, 0.38),
    }
)
"""Figures by mode, and ``original`` as filmed."""
