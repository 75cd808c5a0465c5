"""Covers frames: what is covered in each, and what is painted there, mode by mode."""
