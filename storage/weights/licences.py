"""Licences of weights: where they are written, and which of them a site need not allow by name."""

import re
from collections.abc import Collection
from pathlib import Path
from typing import Any

from schemas.errors import ModelError
from schemas.values import ModelFile

UNKNOWN = ("unknown", "none")
FREE = re.compile(
    r"(apache|mit|bsd|isc|zlib|unlicense|cc0|cc-by-\d|cc-by-sa|agpl|lgpl|gpl|mpl|epl|afl|artistic|wtfpl)(v?\d|\b)"
    r"(?!.*(-nc\b|-nd\b|non-?commercial|research))",
    re.IGNORECASE,
)
"""Free licences, by how their SPDX identifiers begin: any use is allowed, for money too."""


def licence_of_card(folder: Path) -> str | None:
    """Returns the licence in the head of a folder's ``README.md``, as model hubs write it; None if there is none."""
    card = folder / "README.md"
    if not card.is_file():
        return None
    return licence_of_head(card.read_text(encoding="utf-8", errors="replace"))


def licence_of_head(card: str) -> str | None:
    """Returns the licence that the YAML head of a model card names; for ``other``, the name that stands beside it."""
    import yaml  # type: ignore[import-untyped]

    found = re.match(r"---\s*\n(.*?)\n---\s*(\n|$)", card, re.DOTALL)
    try:
        head: Any = yaml.safe_load(found[1]) if found else None
    except yaml.YAMLError:
        return None
    if not isinstance(head, dict):
        return None
    licence = head.get("license")
    named = head.get("license_name") if licence == "other" else None
    return str(named or licence) if isinstance(named or licence, str) else None


def require_allowed(model: ModelFile, allowed: Collection[str]) -> None:
    """Checks that a site may use weights. A free licence and an unknown one need no word.

    Args:
        model: the weights.
        allowed: licences that the site allows, by the names that ``nightshift models list`` shows.

    Raises:
        ModelError: the licence limits the use, and the site does not allow it.
    """
    if not is_allowed(model, allowed):
        raise ModelError(
            f"weights {model.name!r} have the licence {model.licence}, which is none that allows every use; read it, "
            f'and if it allows yours, write licences = ["{model.licence}"] under [models] in site.toml'
        )


def is_allowed(model: ModelFile, allowed: Collection[str]) -> bool:
    """Returns whether a site may use weights: arguments as for ``require_allowed``."""
    licence = model.licence.lower()
    return licence in UNKNOWN or bool(FREE.match(licence)) or licence in {name.lower() for name in allowed}
