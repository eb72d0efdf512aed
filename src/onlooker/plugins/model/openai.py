"""Any OpenAI-compatible server: vLLM, SGLang, llama.cpp, Ollama, or a cloud's.

One streamed request decides a tick. The answer is sampled as the dialect wants it, but the action
is not: the first token that tells silence from speech comes with the probabilities of its
alternatives, and these decide, against the threshold that `talkativeness` sets. A sampled silence
ends by itself a token later; a sampled speech that is to be silence is broken off; a sampled
silence that is to be speech is asked for again, made to speak. Only this last case costs a second
request, which the server's prefix cache makes a short one. A server that gives no probabilities
is asked for its likeliest action instead.
"""

from __future__ import annotations

import os
import re
from dataclasses import replace
from typing import Literal

import httpx
from pydantic import BaseModel, Field, field_validator

from onlooker.core.decision import Decision, Silent
from onlooker.core.errors import BadSettings, ModelUnavailable
from onlooker.core.ports import ModelTraits, Outcome, Say
from onlooker.core.prompt import Prompt
from onlooker.plugins.model.body import Body, BodyWriter
from onlooker.plugins.model.dialect import OPTIONAL_FIELDS, Dialect, Fields
from onlooker.plugins.model.instruct import InstructDialect
from onlooker.plugins.model.native import NativeDialect
from onlooker.plugins.model.reading import Chunk, Reading
from onlooker.plugins.model.transport import Limits, ServerFailed, Transport

MAX_MISSES = 3  # in a row: a server's cache is then too small for our window
_NEVER_DROPPED = {"model", "stream", "skip_special_tokens"}


class OpenAISettings(BaseModel, frozen=True, extra="forbid"):
    """Which server and model, and how they are spoken to."""

    url: str = Field(
        default="http://127.0.0.1:8000/v1",
        description="where the API begins; without a path: in /v1",
    )
    name: str = Field(default="", description="model id; empty: the first that the server lists")
    dialect: Literal["native", "instruct"] = Field(
        default="instruct",
        description="native: the released interaction checkpoint; instruct: any vision model",
    )
    talkativeness: float = Field(
        default=0.5,
        ge=0,
        le=1,
        description="0 hardly ever speaks, 1 nearly always; 0.5 does what the model finds "
        "likelier. Needs a server that gives log-probabilities",
    )
    timeout_s: float = Field(
        default=10.0, gt=0, description="seconds for one decision, retries included"
    )
    connect_timeout_s: float = Field(default=2.0, gt=0, description="seconds to reach the server")
    retries: int = Field(
        default=2, ge=0, le=10, description="further tries within timeout_s, before the first token"
    )
    breaker_failures: int = Field(
        default=5, ge=1, description="failures in a row after which the server is left alone"
    )
    breaker_pause_s: float = Field(
        default=10.0, gt=0, description="seconds for which it is left alone"
    )
    max_tokens: int = Field(default=256, ge=8, le=8192, description="of one answer")
    cached_media: Literal["auto", "on", "off"] = Field(
        default="auto",
        description="send each picture once and name it afterwards (vLLM); auto: if it is vLLM",
    )
    key_env: str = Field(
        default="",
        description="environment variable with the API key; empty: ONLOOKER_MODEL_KEY, and for "
        "api.openai.com OPENAI_API_KEY",
    )
    language: str = Field(
        default="", description="to speak, such as 'en'; empty: that of whoever asked"
    )
    system_prompt: str = Field(default="", description="in place of the dialect's own")
    temperature: float | None = Field(
        default=None, ge=0, description="of sampling; none: the dialect's (native 0.8, instruct 0)"
    )
    top_p: float | None = Field(default=None, gt=0, le=1, description="none: native 0.9")
    top_k: int | None = Field(default=None, ge=1, description="none: native 40")
    repetition_penalty: float | None = Field(default=None, gt=0, description="none: native 1.05")
    presence_penalty: float | None = Field(default=None, description="none: native 0.4")

    @field_validator("url")
    @classmethod
    def _is_http(cls, url: str) -> str:
        try:
            parsed = httpx.URL(url)
        except httpx.InvalidURL as error:
            raise ValueError(f"url={url!r} is none: {error}") from error
        if parsed.scheme not in ("http", "https") or not parsed.host:
            raise ValueError(f"url={url!r} must be such as http://127.0.0.1:8000/v1")
        return url

    @property
    def sampling(self) -> Fields:
        """The values that were set."""
        names = ("temperature", "top_p", "top_k", "repetition_penalty", "presence_penalty")
        return {name: value for name in names if (value := getattr(self, name)) is not None}


class OpenAIModel:
    """A model behind an OpenAI-compatible server. Sessions share its connections."""

    Settings = OpenAISettings

    def __init__(self, settings: OpenAISettings) -> None:
        self.settings = settings
        self.traits = ModelTraits(name=settings.name or "openai", reads=("pictures",))
        speaks = NativeDialect if settings.dialect == "native" else InstructDialect
        self.dialect: Dialect = speaks(
            settings.sampling, language=settings.language, system_prompt=settings.system_prompt
        )
        key_names, key = _key_of(settings)
        limits = Limits(
            settings.timeout_s,
            settings.connect_timeout_s,
            settings.retries,
            settings.breaker_failures,
            settings.breaker_pause_s,
        )
        url = httpx.URL(settings.url)
        if url.path in ("", "/"):
            url = url.copy_with(path="/v1")
        self.transport = Transport(url, key, key_names, limits)
        self.refused: frozenset[str] = frozenset()  # fields that the server does not take
        self.has_logprobs = True
        self._identity: tuple[str, bool] | None = None

    async def open(self) -> OpenAISession:
        return OpenAISession(self)

    async def close(self) -> None:
        await self.transport.close()

    async def identity(self) -> tuple[str, bool]:
        """Say which model is asked, and whether pictures may be named; asked of the server once."""
        if self._identity is None:
            self._identity = await self._identify()
        return self._identity

    def fields(self, name: str, *, is_forced: bool) -> Fields:
        """Give a request's fields, without those that the server refused."""
        has_logprobs = self.has_logprobs and "logprobs" not in self.refused
        fields: Fields = {
            "model": name,
            "stream": True,
            "stream_options": {"include_usage": True},
            "max_tokens": self.settings.max_tokens,
            **self.dialect.fields(has_logprobs=has_logprobs, is_forced=is_forced),
        }
        return {field: value for field, value in fields.items() if field not in self.refused}

    def can_force(self) -> bool:
        """Whether an answer can be made to speak."""
        return bool(self.dialect.forced_opening) or "response_format" not in self.refused

    async def _identify(self) -> tuple[str, bool]:
        settings = self.settings
        if settings.name and settings.cached_media != "auto":
            return settings.name, settings.cached_media == "on"
        try:
            models = await self.transport.models()
        except ServerFailed as error:
            if settings.name and error.status in (403, 404, 405, 501):
                return settings.name, settings.cached_media == "on"
            raise
        known = {str(model.get("id")): model for model in models}
        name = settings.name or next(iter(known), "")
        if not name:
            raise ModelUnavailable(f"{self.transport.where} lists no model: load one, or set name")
        is_vllm = known.get(name, {}).get("owned_by") == "vllm"
        return name, is_vllm if settings.cached_media == "auto" else settings.cached_media == "on"


class OpenAISession:
    """One session's prompt, as the bytes that it is sent as."""

    def __init__(self, model: OpenAIModel) -> None:
        self._model = model
        self.talkativeness = model.settings.talkativeness
        self._writer: BodyWriter | None = None
        self._num_misses = 0
        self._sent_bytes = 0

    async def decide(self, prompt: Prompt, say: Say) -> Outcome:
        """Ask for the decision on the last turn.

        Raises:
            ModelUnavailable, MalformedDecision: one line that says what to do.
        """
        self._sent_bytes = 0
        async with self._model.transport.attempt():
            reading = await self._ask(prompt, say)
            probability = reading.speak_probability
            if not reading.is_overruled:
                decision = await _finished(reading, say)
            elif reading.decided == "silent" or not self._model.can_force():
                decision = Silent()
            else:
                reading = await self._ask(prompt, say, is_forced=True)
                decision = await _finished(reading, say)
        usage = replace(reading.usage, sent_bytes=self._sent_bytes)
        return Outcome(decision, probability, usage)

    async def close(self) -> None:
        self._writer = None

    async def _ask(self, prompt: Prompt, say: Say, *, is_forced: bool = False) -> Reading:
        """Ask, and ask again in the way that the server can answer, until it does."""
        model = self._model
        name, by_reference = await model.identity()
        if self._writer is None:
            self._writer = BodyWriter(model.dialect, by_reference=by_reference)
        refused_before = model.refused
        while True:
            fields = model.fields(name, is_forced=is_forced)
            body = self._writer.write(prompt, fields, is_forced=is_forced)
            try:
                reading = await self._read(body, say, is_forced=is_forced)
            except ServerFailed as error:
                if body.has_references and error.status in (400, 422, 500):
                    self._missed(self._writer)
                elif not self._drop(error, fields):
                    model.refused = refused_before
                    raise
                continue
            self._writer.taken()
            if body.has_references:
                self._num_misses = 0
            model.has_logprobs &= not reading.lacks_probability
            return reading

    async def _read(self, body: Body, say: Say, *, is_forced: bool) -> Reading:
        """Send a request, and read its answer as far as it is wanted."""
        settings = self._model.settings
        reading = Reading(
            self._model.dialect, self.talkativeness, settings.max_tokens, is_forced=is_forced
        )

        async def take(chunk: Chunk) -> bool:
            reading.add(chunk)
            if reading.is_overruled:
                return False
            if news := reading.news():
                await say(news)
            return True

        self._sent_bytes += len(body.data)
        await self._model.transport.post(body.data, take, retry_500=not body.has_references)
        return reading

    def _missed(self, writer: BodyWriter) -> None:
        """Send everything again; give references up if the server keeps losing what they name."""
        self._num_misses += 1
        is_auto = self._model.settings.cached_media == "auto"
        writer.forgotten(for_good=is_auto and self._num_misses >= MAX_MISSES)

    def _drop(self, error: ServerFailed, fields: Fields) -> bool:
        """Leave out what the server does not take; say whether that leaves something to try."""
        if error.status not in (400, 422):
            return False
        sent = fields.keys() - _NEVER_DROPPED
        named = {field for field in sent if re.search(rf"\b{field}\b", error.text)}
        refused = named or sent & set(OPTIONAL_FIELDS)
        if "logprobs" in refused:
            refused |= {"top_logprobs"}
        self._model.refused |= refused
        return bool(refused)


async def _finished(reading: Reading, say: Say) -> Decision:
    decision, rest = reading.finish()
    if rest:
        await say(rest)
    return decision


def _key_of(settings: OpenAISettings) -> tuple[str, str]:
    """Name the variables that the key may come from, and find it.

    A key for one company's cloud is not handed to whatever server url names.

    Raises:
        BadSettings: it is no key.
    """
    names = [settings.key_env or "ONLOOKER_MODEL_KEY"]
    if not settings.key_env and httpx.URL(settings.url).host == "api.openai.com":
        names.append("OPENAI_API_KEY")
    keys = (os.environ.get(name, "").strip() for name in names)
    where, key = " or ".join(names), next(filter(None, keys), "")
    if not (key.isascii() and key.isprintable()):
        raise BadSettings(f"the environment variable {where} holds no key: it is not plain ASCII")
    return where, key
