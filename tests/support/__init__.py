"""Tools of the tests: clips with numbered frames, damaged files, fakes of a worker's services, and the fault suite."""
