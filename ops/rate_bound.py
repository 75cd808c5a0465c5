"""Bounds the rate of a rare failure from the number of checks and of failures."""

from collections.abc import Sequence

CONFIDENCE = 0.95

RULE_OF_THREE = "rule of three: 3 / n"
CLOPPER_PEARSON = "Clopper-Pearson, one-sided"


def upper_bound(failures: int, checks: int) -> tuple[float, str] | None:
    """Returns the upper bound 0..1 of a rate at a confidence of 95 %, and the method; None without any check.

    Without a failure it is the rule of three (Hanley and Lippman-Hand, JAMA 1983), which is a little above the exact
    bound; else the exact bound (Clopper and Pearson, Biometrika 1934).

    Raises:
        ValueError: there are more failures than checks, or fewer than none.
    """
    if not 0 <= failures <= checks:
        raise ValueError(f"there cannot be {failures} failures among {checks} checks")
    if not checks:
        return None
    if not failures:
        return min(1.0, 3 / checks), RULE_OF_THREE
    if failures == checks:
        return 1.0, CLOPPER_PEARSON
    from scipy.special import betaincinv  # slow to import, and seldom needed

    return float(betaincinv(failures + 1, checks - failures, CONFIDENCE)), CLOPPER_PEARSON


def clustered_bound(sizes: Sequence[int], failures: int) -> float | None:
    """Returns an upper bound 0..1, at a confidence of 95 %, of a rate among what comes in clusters; None without any.

    Clusters, such as the people of one frame, are drawn at random; what is within one may fail together. So they count
    as if all of one failed or none: as many checks as the effective sample size for a correlation of 1 (Kish, 1965),
    with the failures in proportion, rounded up.

    Args:
        sizes: of the clusters drawn.
        failures: in all of them.
    """
    total, squares = sum(sizes), sum(size * size for size in sizes)
    if not total:
        return None
    checks = max(total * total // squares, 1)
    bound = upper_bound(min(-(-failures * checks // total), checks), checks)
    return None if bound is None else bound[0]
