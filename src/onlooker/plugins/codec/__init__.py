"""Plug-ins for the port `codec`."""
