"""The small model that ships: a transformer of the Qwen3 family, run by numpy alone."""
