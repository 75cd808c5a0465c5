"""How often something may go wrong although it went wrong so rarely among so many looks."""

CONFIDENCE = 0.95

RULE_OF_THREE = "rule of three: 3 / n"
CLOPPER_PEARSON = "Clopper-Pearson, one-sided"


def upper_bound(failures: int, looks: int) -> tuple[float, str] | None:
    """The upper bound 0..1 of a rate at a confidence of 95 %, and the method; None where nobody looked.

    Without a failure the rule of three (Hanley and Lippman-Hand, JAMA 1983), which is a little above the exact bound;
    else the exact one (Clopper and Pearson, Biometrika 1934).

    Raises:
        ValueError: more failures than looks, or fewer than none.
    """
    if not 0 <= failures <= looks:
        raise ValueError(f"there cannot be {failures} failures among {looks} looks")
    if not looks:
        return None
    if not failures:
        return min(1.0, 3 / looks), RULE_OF_THREE
    if failures == looks:
        return 1.0, CLOPPER_PEARSON
    from scipy.special import betaincinv  # takes a while to import, and is seldom needed

    return float(betaincinv(failures + 1, looks - failures, CONFIDENCE)), CLOPPER_PEARSON
