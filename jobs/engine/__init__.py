"""A night while it runs: the driver, its queue, and the workers that it hands visits to."""
