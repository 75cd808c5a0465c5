"""Profiles: ways in which ``detect`` can look at a camera's frames, and the choice among those that were measured."""

from collections.abc import Sequence
from dataclasses import dataclass

from schemas.tuned import TunedParams

LEAST_SAVING = 0.1
"""Least share of the network's runs that a profile must save: what it compares costs time as well."""


@dataclass(frozen=True)
class Profile:
    """A way in which frames are looked at.

    Attributes:
        name: as users see it.
        meaning: the same in a few words.
        params: parameters of ``detect``.
    """

    name: str
    meaning: str
    params: TunedParams


def _gated(name: str, meaning: str, gap_s: float) -> Profile:
    return Profile(name, meaning, TunedParams(skip_unchanged=True, gap_s=gap_s))


UNGATED = Profile("ungated", "every frame is looked at as a whole", TunedParams(skip_unchanged=False))
PROFILES = (
    _gated("all changes", "what changes is looked at in every frame", 0.0),
    _gated("short gaps", "what changes is looked at every 0.2 s", 0.2),
    _gated("medium gaps", "what changes is looked at every 0.4 s", 0.4),
    _gated("long gaps", "what changes is looked at every 1.6 s", 1.6),
)
"""Profiles that hold what was found where nothing changes, from careful to fast."""


@dataclass(frozen=True)
class Measured:
    """What a profile gave on some footage.

    Attributes:
        loss: of its tracks against those of looks at every frame, 0..1.
        runs: of the network.
    """

    profile: Profile
    loss: float
    runs: int


def fitting(measured: Sequence[Measured], runs: int, within: float) -> list[Measured]:
    """Returns the profiles that keep the bound and are cheaper than looks at every frame, fastest first.

    Profiles are equally fast if they take the same percentage of the runs; the one that loses less then comes first.

    Args:
        measured: gated profiles, from careful to fast.
        runs: of the network at every frame.
        within: bound of the loss.
    """
    kept = [each for each in measured if each.loss <= within and each.runs <= (1 - LEAST_SAVING) * runs]
    return sorted(kept, key=lambda each: (round(100 * each.runs / max(runs, 1)), each.loss))


def why_ungated(measured: Sequence[Measured], runs: int, refused: Sequence[Measured]) -> str:
    """Returns why no gated profile was chosen, in a few words.

    Args:
        measured: gated profiles, on the part that chooses.
        runs: of the network at every frame there.
        refused: profiles that kept the bound there, on the part that tests.
    """
    if refused:
        best = min(refused, key=lambda each: each.loss)
        return f"{best.profile.name}, chosen on one part, loses {best.loss:.1%} on the other"
    cheap = [each for each in measured if each.runs <= (1 - LEAST_SAVING) * runs]
    if not cheap:
        fewest = min(measured, key=lambda each: each.runs)
        share = fewest.runs / max(runs, 1)
        return f"its view changes all the time: {fewest.profile.name} takes {share:.0%} of the looks at every frame"
    best = min(cheap, key=lambda each: each.loss)
    careful = [
        f"{each.profile.name} takes {each.runs / max(runs, 1):.0%} of the looks at every frame"
        for each in measured
        if each not in cheap
    ]
    return "; ".join([*careful, f"{best.profile.name} loses {best.loss:.1%}, and no other less"])
