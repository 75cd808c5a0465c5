"""Converts detectors to faster formats, and compares what a conversion finds with what its source finds."""
