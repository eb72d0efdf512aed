"""Plug-ins for the port `model`."""
