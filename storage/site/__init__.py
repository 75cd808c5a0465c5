"""The site's own files: ``site.toml`` and its GIS layers."""
