"""The weights of a site, for the command line."""

from pathlib import Path

from storage.site.file import load_site
from storage.weights.catalogue import ModelStore


def model_store(root: Path) -> ModelStore:
    """The weights that a site can use.

    Raises:
        SiteError: site.toml is missing or wrong.
    """
    site = load_site(root)
    return ModelStore(site.models, site.config.models.trust)
