"""The floor that depth shows: points from depth, planes, a mask of any shape, and the scale of depth without metres."""
