"""Steps of the op ``track``: associate detections in time, refine the tracklets, interpolate missed frames."""
