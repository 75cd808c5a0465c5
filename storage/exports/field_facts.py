"""Units, meanings and aliases of columns, for programs that show them beside the figures."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

import pyarrow as pa

from schemas.tables import TABLES
from schemas.tables.views import VIEWS

_UNIT_IN_NAME = re.compile(r"_(m_s|m2|px|deg|hz|fps|s|m)$")


@dataclass(frozen=True)
class FieldFacts:
    """What a column means.

    Attributes:
        name: the column's name.
        meaning: one sentence, or empty where tables differ.
        unit: unit, ``"UTC"`` for times, or empty.
    """

    name: str
    meaning: str
    unit: str

    @property
    def alias(self) -> str:
        """Returns the name for people, such as ``speed [m/s]`` for ``speed_m_s``."""
        words = (_UNIT_IN_NAME.sub("", self.name) if self.unit else self.name).replace("_", " ")
        return f"{words} [{self.unit}]" if self.unit else words

    @property
    def sentence(self) -> str:
        """Returns meaning and unit."""
        return f"{self.meaning} [{self.unit}]" if self.unit and self.meaning else self.meaning or self.unit


def facts_of(schema: pa.Schema, table: str | None = None) -> Mapping[str, FieldFacts]:
    """Returns facts by column: of a table, else what all tables with a column of this name say of it.

    Args:
        schema: a query's result; its own field metadata comes first.
        table: the table that it has the columns of; None for a query.
    """
    spec = TABLES.get(table or "") or VIEWS.get(table or "")
    own = _facts(spec.schema) if spec else {}
    known = {**_shared(), **own, **_facts(schema)}
    return {name: known[name] for name in schema.names if name in known}


def _facts(schema: pa.Schema) -> dict[str, FieldFacts]:
    found = {}
    for field in schema:
        metadata = field.metadata or {}
        if b"meaning" in metadata:
            texts = (metadata.get(key, b"").decode() for key in (b"meaning", b"unit"))
            found[field.name] = FieldFacts(field.name, *texts)
    return found


@cache
def _shared() -> dict[str, FieldFacts]:
    """Returns facts of names whose unit is the same in all tables; the meaning too, if all agree on it."""
    by_name: dict[str, set[FieldFacts]] = {}
    for spec in (*TABLES.values(), *VIEWS.values()):
        for name, facts in _facts(spec.schema).items():
            by_name.setdefault(name, set()).add(facts)
    shared = {}
    for name, several in by_name.items():
        units, meanings = {facts.unit for facts in several}, {facts.meaning for facts in several}
        if len(units) == 1:
            shared[name] = FieldFacts(name, meanings.pop() if len(meanings) == 1 else "", units.pop())
    return shared
