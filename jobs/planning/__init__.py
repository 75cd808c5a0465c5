"""Planning: from footage, ops and past work to the units of work, each with its status; and their order."""
