"""The site's own files: ``site.toml`` and GIS layers."""
