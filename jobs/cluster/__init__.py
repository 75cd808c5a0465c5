"""Runs on Ray clusters: what is sent there, and whether its machines are ready."""
