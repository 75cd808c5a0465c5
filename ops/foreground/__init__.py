"""Foreground: the pixels of a frame that people cover, cut from the scene by a network or by depth.

- ``looks``: what all networks have in common: a look at a square around one person (``MaskFinder``), or at all of a
  frame (``ForegroundFinder``);
- ``blazepose``, ``matting``, ``u2net``: three networks; ``networks`` tells them apart by their inputs and outputs;
- ``depth``: people who are nearer than the scene beside them, by a network for depth;
- ``contours``: false contours are filtered out;
- ``carried``: masks of some frames are carried to the next ones by optical flow.

Whether an outline is used is for the caller to decide: ``ops/anonymize/cover/outlines.py`` trusts few.
"""
