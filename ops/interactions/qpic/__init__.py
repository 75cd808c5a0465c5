"""QPIC (arXiv 2103.05399): a transformer that finds who does what with which object in one picture.

``settings`` and ``names`` load no PyTorch; the other files do.
"""
