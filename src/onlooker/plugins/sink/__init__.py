"""Plug-ins for the port `sink`."""
