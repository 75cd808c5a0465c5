"""The front door for Python programs."""
