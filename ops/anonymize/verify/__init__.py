"""Verifies encoded frames as a player shows them, by other means than those by which people were found."""
