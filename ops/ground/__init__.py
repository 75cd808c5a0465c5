"""The ground plane of a camera: its homography, projection with uncertainty, the lens, and what a view can see."""
