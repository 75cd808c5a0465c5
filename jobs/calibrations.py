"""Calibrates the scores of interactions from reviews, when SQL asks for it: nothing is computed again."""

from collections import defaultdict

import numpy as np
import pyarrow as pa

from ops.interactions.calibration import calibrate
from storage.exports.review_records import Answer, Review, read_reviews
from storage.sql.answers import CALIBRATIONS
from storage.store.store import Store


def calibrations_table(store: Store) -> pa.Table:
    """Returns how reviews calibrate each verb of each version of its rule.

    Raises:
        NightshiftError: the record of a review is damaged.
    """
    judged: dict[tuple[str, str], list[Review]] = defaultdict(list)
    for review in read_reviews(store):
        if review.answer != Answer.UNSURE:
            judged[review.verb, review.rule].append(review)
    rows = []
    for (verb, rule), reviews in sorted(judged.items()):
        score = np.array([float(each.score) for each in reviews])
        found = calibrate(score, np.array([each.answer == Answer.RIGHT for each in reviews], np.bool_))
        line = {"slope": found.slope, "intercept": found.intercept}
        rows.append({"verb": verb, "rule": rule, "answers": len(reviews)} | line)
    return pa.Table.from_pylist(rows, CALIBRATIONS)
