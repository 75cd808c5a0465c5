"""How tall people are: what gives metres to a camera that nobody surveyed."""

STATURE_M = 1.70
"""Mean stature of adults who walk past, with shoes, metres."""

STATURE_SHARE = 0.09 / STATURE_M
"""Standard deviation of stature among people (9 cm), as a share of it."""
