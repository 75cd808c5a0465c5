"""Metric depth from two cameras side by side that are calibrated with each other."""
