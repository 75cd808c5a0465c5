"""Depth of every frame: from a network at keyframes, and optical flow between them."""
