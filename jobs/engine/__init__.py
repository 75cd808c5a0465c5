"""A run in progress: the driver, and the workers that it gives task batches to."""
