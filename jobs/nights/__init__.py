"""Nights: what a schedule starts, one run between two times of day, its report and its notification."""
