"""A run in progress: the driver, its queue, and the workers that it gives task batches to."""
