"""Who tells a stretch of time in a paragraph."""
