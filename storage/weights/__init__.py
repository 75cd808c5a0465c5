"""Model weights: what is at hand, and what a file of them says."""
