"""What would run, and why: from footage, ops and past work to units and their standing."""
