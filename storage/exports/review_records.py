"""Records interaction reviews: who looked at which interaction, and whether it is right.

One JSON file per review, ``_interaction_reviews/REVIEW.json``; none is ever changed or purged. It holds the score and
the rule, so that it calibrates scores also when its row is gone, and no time or place of what happened.
"""

from dataclasses import asdict, dataclass
from datetime import datetime
from enum import StrEnum

import pyarrow as pa

from schemas.errors import TransientError
from schemas.tables import TABLES
from storage.files import safe_name
from storage.store.layout import REVIEWS_FOLDER
from storage.store.records import parse_as, read_whole_folder, record_bytes
from storage.store.store import Store

FORMAT = 1
SCORE_DIGITS = 6


class Answer(StrEnum):
    """What a person says of an interaction."""

    RIGHT = "right"
    WRONG = "wrong"
    UNSURE = "unsure"


@dataclass(frozen=True)
class Review:
    """A review; fields as in the table ``interaction_reviews``, with the score as text."""

    review_id: str
    time: datetime
    by: str
    user: str
    camera: str
    interaction_id: str
    verb: str
    rule: str
    score: str
    answer: str
    note: str


def write_review(store: Store, review: Review) -> None:
    """Writes the record of a review.

    Raises:
        StoreFull: no space is left; nothing is recorded.
        TransientError: a review of this id is recorded already.
    """
    content = {"format": FORMAT, **asdict(review), "time": review.time.isoformat()}
    name = f"{REVIEWS_FOLDER}/{safe_name(review.review_id)}.json"
    if not store.blobs.put_if_absent(name, record_bytes(content)):
        raise TransientError(f"{store.blobs.url}/{name} exists already: nothing was recorded, try again")


def read_reviews(store: Store) -> list[Review]:
    """Returns the newest review of each interaction, oldest first.

    Raises:
        NightshiftError: a record is damaged.
    """
    advice = "restore it from a backup, or delete it and review again"
    records = read_whole_folder(store.blobs, REVIEWS_FOLDER, parse_review, "a review", advice)
    found = sorted(records, key=lambda each: (each.time, each.review_id))
    newest = {(each.camera, each.interaction_id): each for each in found}
    return [each for each in found if newest[each.camera, each.interaction_id] is each]


def parse_review(name: str, content: bytes) -> Review:
    """Returns the review in a file.

    Raises:
        ValueError: it is torn, lies under another's name, has no known answer or score, or a time that is not
            plausible.
    """
    review = parse_as(Review, "review_id", name, content, FORMAT)
    Answer(review.answer)
    if not 0 <= float(review.score) <= 1:
        raise ValueError(f"score is {review.score}")
    return review


def reviews_table(store: Store) -> pa.Table:
    """Returns the newest review of each interaction as the table ``interaction_reviews``.

    Raises:
        NightshiftError: a record is damaged.
    """
    rows = [asdict(each) | {"score": float(each.score)} for each in read_reviews(store)]
    spec = TABLES["interaction_reviews"]
    return spec.conform({name: [row[name] for row in rows] for name in spec.schema.names})
