"""The running system: one straight line a second. Imports core only."""
