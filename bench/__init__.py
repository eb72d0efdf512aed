"""Benchmarks: one file a question. They report, and judge nothing."""
