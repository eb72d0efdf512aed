"""Interaction models of our own: how they read a prompt, and how they run."""
