"""Exports from the store: GIS files, query results, the map page, the contact sheet, and their records."""
