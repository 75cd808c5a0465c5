"""Formats of exported files: one file here writes one format, from a `Layer`."""
