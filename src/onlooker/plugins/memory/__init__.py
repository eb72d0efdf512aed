"""What a site remembers: one database, key frames as JPEG beside it."""
