"""A judge behind an OpenAI-compatible server."""

from __future__ import annotations

import os

import httpx
from pydantic import BaseModel, Field

from onlooker.core.errors import JudgeUnavailable


class OpenAIJudgeSettings(BaseModel, frozen=True, extra="forbid"):
    """Which server and model, and for how long to wait."""

    url: str = Field(
        default="http://127.0.0.1:8000/v1", description="where the API begins, /v1 included"
    )
    name: str = Field(default="", description="model id; empty: the first that the server lists")
    timeout_s: float = Field(default=60.0, gt=0, description="seconds for one answer")
    max_tokens: int = Field(default=400, ge=1, le=8192, description="of one answer")


class OpenAIJudge:
    """Asks a chat model, without sampling. The key comes from ONLOOKER_JUDGE_KEY."""

    Settings = OpenAIJudgeSettings

    def __init__(self, settings: OpenAIJudgeSettings) -> None:
        self.settings = settings
        key = os.environ.get("ONLOOKER_JUDGE_KEY", "").strip()
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        self._client = httpx.Client(timeout=settings.timeout_s, headers=headers)
        self._name = settings.name

    def answer(self, question: str) -> str:
        """Answer a question.

        Raises:
            JudgeUnavailable: there is no answer, or not in time.
        """
        try:
            body = {
                "model": self._model(),
                "messages": [{"role": "user", "content": question}],
                "temperature": 0,
                "max_tokens": self.settings.max_tokens,
            }
            response = self._client.post(f"{self._url}/chat/completions", json=body)
            response.raise_for_status()
            return str(response.json()["choices"][0]["message"]["content"])
        except (httpx.HTTPError, ValueError, LookupError, TypeError) as error:
            why = f"{type(error).__name__}: {error}"
            raise JudgeUnavailable(f"the judge at {self._url} gave no answer: {why}") from error

    def close(self) -> None:
        """Let go of the connection."""
        self._client.close()

    @property
    def _url(self) -> str:
        return self.settings.url.rstrip("/")

    def _model(self) -> str:
        if not self._name:
            listed = self._client.get(f"{self._url}/models")
            listed.raise_for_status()
            self._name = str(listed.json()["data"][0]["id"])
        return self._name
