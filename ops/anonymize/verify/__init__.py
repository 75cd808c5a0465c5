"""Looking at covered frames as a player shows them, by other means than those by which people were found.

``shown`` tells where a frame is really covered, ``residual`` compares the rest with the background, ``people`` and ``faces``
look for somebody, and ``verifier`` makes findings of it all.
"""
