"""A rule-made world: seeded streams of scenes with exact labels a second."""
