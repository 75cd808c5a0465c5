"""Tables, receipts and the manifest of one store, and the rule that says which rows are live.

Start with ``store.py`` (writing and committing), ``live_rows.py`` (what readers see) and ``reader.py`` (for programs).
"""
