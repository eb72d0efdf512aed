"""The vocabulary: frozen types and ports. Imports numpy and nothing of ours."""
