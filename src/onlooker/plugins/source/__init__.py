"""Plug-ins for the port `source`."""
