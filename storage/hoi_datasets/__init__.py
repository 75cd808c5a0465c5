"""Reads pictures with labelled interactions: HICO-DET, V-COCO, and a user's own."""
