"""What leaves the store: GIS files, query results, the map page, the contact sheet."""
