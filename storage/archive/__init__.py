"""Footage as it lies in the archive: found, dated, probed, cut into segments."""
