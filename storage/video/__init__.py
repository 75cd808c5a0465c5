"""Video containers: probes files, reads segments, writes covered parts and merges them. Only this package uses PyAV."""
