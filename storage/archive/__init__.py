"""Footage in the archive: found, dated, probed and cut into segments."""
