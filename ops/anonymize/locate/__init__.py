"""Covering people: where they are at any time (``boxes``), what is not background (``background``), and ``paint``."""
