"""Who grades what was said, where words alone cannot."""
