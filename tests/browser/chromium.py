"""The system's Chromium, with a camera that plays a file, and what it notes in the page."""

from __future__ import annotations

import shutil
from pathlib import Path

from aioice.ice import get_host_addresses
from playwright.sync_api import Browser, Playwright

import onlooker.server

STATIC = Path(onlooker.server.__file__).parent / "static"
WATCH_MARKER = (Path(__file__).parent / "watch_marker.js").read_text()
_FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--use-fake-ui-for-media-stream",
    "--use-fake-device-for-media-stream",
    "--autoplay-policy=no-user-gesture-required",
)


def why_not() -> str:
    """Say why no test of the page can run here; nothing, if they can."""
    if not _path():
        return "no Chromium here: apt-get install chromium, or make browser as root"
    if not (STATIC / "index.html").is_file():
        return "the page is not built: make web"
    return ""


def can_call() -> bool:
    """Say whether calls can be made: neither browsers nor aioice offer loopback."""
    return bool(get_host_addresses(use_ipv4=True, use_ipv6=False))


def launch(playwright: Playwright, film: Path, microphone: Path | None = None) -> Browser:
    """Start a browser whose camera plays a film, and its microphone a WAV, round and round."""
    flags = [*_FLAGS, f"--use-file-for-fake-video-capture={film}"]
    if microphone:
        flags.append(f"--use-file-for-fake-audio-capture={microphone}")
    return playwright.chromium.launch(executable_path=_path(), args=flags)


def _path() -> str | None:
    return shutil.which("chromium") or shutil.which("chromium-browser")
