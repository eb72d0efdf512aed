"""Eyes: what is there, since when, where, and what is written."""
