"""The sections of ``site.toml`` about what may be loaded, handed out, used and kept.

``[models]``, ``[publish]``, ``[sql]`` and ``[retention]``.
"""

import re
from typing import Annotated, Literal

from pydantic import Field, field_validator

from schemas.site_section import Strict
from schemas.tables import TABLES


class ModelsConfig(Strict):
    """``[models]``: which weights may be loaded."""

    trust: dict[str, str] = Field(
        {},
        description="pickled weights (.pt) outside the known list that may be loaded: sha256 by name, such as "
        '{"best.pt" = "9f86d0…"}; a pickle can run code, so another file under the name is refused',
    )

    licences: tuple[str, ...] = Field(
        (),
        description="licences of weights that limit their use, such as non-commercial ones, and that this site allows, "
        'as `nightshift models list` shows them: ["cc-by-nc-4.0"]; free and unknown licences need no entry',
    )

    @field_validator("trust", mode="before")
    @classmethod
    def _trust_names_digests(cls, value: object) -> object:
        entries = value if isinstance(value, dict) else {}
        digests = [str(digest) for digest in entries.values()]
        if not isinstance(value, dict) or not all(re.fullmatch(r"[0-9a-fA-F]{64}", each) for each in digests):
            raise ValueError(
                'trust gives the sha256 of each file by name, as {"best.pt" = "64 hex digits"}: '
                "`sha256sum models/best.pt` prints it"
            )
        return {str(name): str(digest).lower() for name, digest in entries.items()}


SIGN_OFF = "sign-off"


class PublishConfig(Strict):
    """``[publish]``: what anonymized video waits for."""

    wait_for: Literal["nothing", "sign-off"] = Field(
        "nothing",
        description="sign-off: a published file is handed out only once `nightshift sign-off` accepted it; until then "
        "it lies in the store's private folder _pending, and is not in the table anonymized",
    )

    @property
    def waits(self) -> bool:
        """Whether video waits for a sign-off."""
        return self.wait_for == SIGN_OFF


class SqlConfig(Strict):
    """``[sql]``: what one query may use."""

    memory_gb: float = Field(
        4.0, gt=0, description="memory of a query and of its result, GB; at most three quarters of what there is"
    )
    spill_gb: float = Field(
        20.0, ge=0, description="disk space of a query that is too large for memory, GB; at most half of what is free"
    )


Days = Annotated[int, Field(ge=1, le=36500)]

_PURGED_WITH = {
    **dict.fromkeys(("footage", "segments"), "follows tables_days, after everything else of its day"),
    **dict.fromkeys(
        ("anonymized", "anonymized_segments", "anonymized_tracks", "review_frames", "audits"), "follows video_days"
    ),
    **dict.fromkeys(
        ("cameras", "runs", "receipts", "quarantine", "purges", "exports", "sign_offs", "interaction_reviews", "holds"),
        "is never purged",
    ),
}


class RetentionConfig(Strict):
    """``[retention]``: retention periods. Data without a period is kept for ever."""

    footage_days: Days | None = Field(
        None,
        description="days to keep footage files in the archive, and the depth of its frames; `nightshift purge` "
        "deletes older ones",
    )
    tables_days: Days | None = Field(None, description="days to keep rows of tables")
    video_days: Days | None = Field(None, description="days to keep published anonymized video")
    tables: dict[str, Days] = Field(
        {},
        description="`[retention.tables]`: days for single tables, instead of tables_days; "
        "all tables of one op need the same value",
    )

    @field_validator("tables")
    @classmethod
    def _known_tables(cls, value: dict[str, int]) -> dict[str, int]:
        for name in value:
            if name not in TABLES:
                raise ValueError(f"there is no table {name!r}; docs/tables.md lists all tables")
            if name in _PURGED_WITH:
                raise ValueError(f"table {name} {_PURGED_WITH[name]}; remove this key")
        return value
