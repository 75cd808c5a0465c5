"""The weights of a site, under the rules of its ``site.toml``."""

from storage.site.file import SiteFiles
from storage.weights.catalogue import ModelStore


def open_models(site: SiteFiles) -> ModelStore:
    """Returns the weights that a site can use."""
    rules = site.config.models
    return ModelStore(site.models, rules.trust, rules.licences)
