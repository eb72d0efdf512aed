"""Background brains: where hard questions go."""
