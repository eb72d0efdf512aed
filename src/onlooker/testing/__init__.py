"""Doubles and synthetic scenes for tests. Everything here is a fake and says so."""
