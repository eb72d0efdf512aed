"""Onlooker: an always-present video assistant. See ARCHITECTURE.md for the house."""

__version__ = "0.1.0"
