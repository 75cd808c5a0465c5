"""Scenes of the film of interactions: each plays somewhere from a time on, and returns when it ends.

A scene records what a viewer would say that people do; no threshold of a rule is looked at.
"""
