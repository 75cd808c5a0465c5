"""Model weights: finds, checks and imports them, and reads their metadata."""
