"""Keeps a store sound, small and lawful: verification, repair, compaction, retention and sweeping."""
