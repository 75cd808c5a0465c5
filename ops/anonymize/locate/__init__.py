"""Where people may be in a frame: spans over time, and what the background does not vouch for."""
