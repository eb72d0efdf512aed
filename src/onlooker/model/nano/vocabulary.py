"""Text to tokens and back, and the tokens that mean something to us."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
from tokenizers import Tokenizer

from onlooker.core.decision import DELEGATION, RESPONSE, SILENCE
from onlooker.core.errors import BadSettings
from onlooker.model.render import COMPACT

_MARKERS = (SILENCE, RESPONSE, DELEGATION)
_SIGNS = (*COMPACT.opens.values(), COMPACT.close)


class Vocabulary:
    """A byte-level tokenizer in which every marker and every sign is one token."""

    def __init__(self, path: Path) -> None:
        """Read a `tokenizer.json`.

        Raises:
            BadSettings: it is not there, damaged, or lacks a marker.
        """
        try:
            self._tokenizer = Tokenizer.from_str(path.read_text("utf-8"))
        except OSError as error:
            raise BadSettings(f"the tokenizer {path} cannot be read: {error.strerror}") from None
        except Exception as error:  # noqa: BLE001 - the library raises Exception itself
            raise BadSettings(f"{path} is no tokenizer that can be read: {error}") from None
        self.size: int = self._tokenizer.get_vocab_size()
        for mark in (*_MARKERS, *_SIGNS):
            if len(self.encode(mark)) != 1:
                raise BadSettings(f"{path}: {mark} is not one token; train it with the markers")
        self.silence, self.response, self.delegation = (self._id(mark) for mark in _MARKERS)
        self.end = self._id(COMPACT.close)

    def encode(self, text: str) -> list[int]:
        """Give the ids of a text, nothing added before or after it."""
        ids: list[int] = self._tokenizer.encode(text, add_special_tokens=False).ids
        return ids

    def decode(self, ids: list[int]) -> str:
        """Give the text of tokens, markers included; bytes that are no text become a sign."""
        text: str = self._tokenizer.decode(ids, skip_special_tokens=False)
        return text

    def text_mask(self, size: int) -> npt.NDArray[np.bool_]:
        """Say which of `size` tokens are words, and no marker, sign or other special token."""
        is_text_V = np.zeros(size, np.bool_)
        is_text_V[: self.size] = True
        special = list(self._tokenizer.get_added_tokens_decoder())
        is_text_V[[one for one in special if one < size]] = False
        return is_text_V

    def _id(self, mark: str) -> int:
        return self.encode(mark)[0]
