"""Implementations of the ports: one file each, loaded by name and one at a time."""
