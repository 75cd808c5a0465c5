"""Text files of boxes that labelling tools and evaluators read and write: MOT Challenge and KITTI tracking."""
