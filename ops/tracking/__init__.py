"""The steps of the op ``track``: associate detections in time, mend what broke, fill what was missed."""
