"""Bounds the rate of a rare failure from the number of checks and of failures."""

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
