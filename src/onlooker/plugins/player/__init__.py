"""Where the voice's sound goes."""
