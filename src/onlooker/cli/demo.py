"""`onlooker demo`: see it decide, on a real clip, with nothing but this package."""

from __future__ import annotations
