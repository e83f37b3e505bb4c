"""Text and log-probabilities from servers of the OpenAI family: vLLM, SGLang, llama.cpp, TGI, OpenAI."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal

from ...errors import BackendError, ConfigError, ResponseError
from ...requests import (
    Generate,
    Generated,
    LabelLogprobs,
    LabelScores,
    Request,
    Response,
    SequenceLogprob,
    SequenceScore,
    Usage,
)
from .._tokens.pieces import first_pieces, pieces_of
from .client import Client
from .prompts import LocalTokenizer, PromptBody, Prompts
from .replies import Completion, chat_reply, completion_reply
from .reply import ServerReply, number

if TYPE_CHECKING:
    from .options import HttpOptions

# What a server's own defaults (the model's generation_config.json) must not change.
_VLLM_PLAIN = {"top_p": 1.0, "top_k": -1, "min_p": 0.0, "repetition_penalty": 1.0}
_CHAT_PATH = "/v1/chat/completions"
_PATH = "/v1/completions"


class Language:
    """One request of ours is one request to the server: it batches by itself.

    Args:
        options: The backend's.
        model: The served model's name.
        client: Reaches the server.
    """

    def __init__(self, options: HttpOptions, model: str, client: Client) -> None:
        self._options = options
        self._model = model
        self._client = client
        self._chat = options.api == "openai-chat"
        self._exact = options.server == "vllm"
        self._tokenizer = (
            LocalTokenizer(options.tokenizer, parse_control_tokens=options.parse_control_tokens)
            if options.tokenizer
            else None
        )
        self._prompts = Prompts(options, model, self._tokenizer)
        self._context = options.max_model_len
        self._words: dict[str, list[int]] = {}

    def batches(self, requests: Sequence[Request]) -> list[list[int]]:
        """Which requests travel together: none."""
        return [[place] for place in range(len(requests))]

    async def answer(self, requests: Sequence[Request]) -> Sequence[Response]:
        """Answer the requests of a batch."""
        [request] = requests
        if isinstance(request, Generate):
            return [await self._generated(request)]
        if isinstance(request, LabelLogprobs):
            return [await self._labelled(request)]
        if isinstance(request, SequenceLogprob):
            return [await self._sequenced(request)]
        raise ResponseError(f"The http backend with api: {self._options.api} answers no {type(request).__name__}.")

    async def _generated(self, request: Generate) -> Generated:
        prompt = await self._prompts.generate(request, await self._context_size())
        watched = [await self._ids_of(word) for word in request.watch] if self._exact else []
        body = self._body(prompt, request.temperature)
        if request.seed is not None:
            body["seed"] = request.seed
        if request.stop:
            body["stop"] = list(request.stop)
        ids = [one for [one, *_] in watched]
        body |= (
            self._logprobs(ids, 0 if not request.watch else self._options.top) if self._returns_tokens or ids else {}
        )
        reply = await self._completion(body, prompt)
        steps = reply.steps
        return Generated(
            **await self._spelled(reply, request),
            ending=_ending(reply, request),
            watched=_watched(steps[-1].top if steps else {}, request.watch, ids),
            usage=Usage(reply.read, reply.wrote, prompt.cut),
        )

    async def _labelled(self, request: LabelLogprobs) -> LabelScores:
        prompt = await self._prompts.labels(request, await self._context_size())
        labels: list[list[Any]] = await self._labels(request)
        distinct = list(dict.fromkeys(one for spelled in labels for one in spelled))
        body = self._body(prompt, 0.0) | self._logprobs(distinct if self._exact else [], self._options.top)
        reply = await self._completion(body, prompt)
        if not reply.steps:
            raise ResponseError(
                f"{reply.server} returned no log-probabilities for {self._model!r}.",
                hint="Its model or its settings may not offer them; methods that read text need none.",
            )
        top = reply.steps[0].top
        found = []
        for word, spelled in zip(request.labels, labels, strict=True):
            values = [top[one] for one in spelled if one in top]
            found.append(max(values) if values else self._missing(word, top, reply.server))
        return LabelScores(tuple(found), usage=Usage(reply.read, 0, prompt.cut))

    async def _sequenced(self, request: SequenceLogprob) -> SequenceScore:
        prompt, after = await self._prompts.sequence(request, await self._context_size())
        body = self._body(prompt, 0.0) | {"prompt_logprobs": 0}
        server_reply = await self._client.call(_PATH, self._with_extras(body))
        with server_reply.expected() as payload:
            steps = payload["choices"][0]["prompt_logprobs"]
            if len(steps) != len(prompt.ids) + len(after):
                raise ValueError(f"{len(steps)} log-probabilities for {len(prompt.ids) + len(after)} tokens")
            behind = steps[len(prompt.ids) :]
            values = [number(step[str(token)]["logprob"]) for token, step in zip(after, behind, strict=True)]
        return SequenceScore(tuple(values), Usage(len(prompt.ids) + len(after), 0, prompt.cut))

    @property
    def _returns_tokens(self) -> bool:
        """Whether tokens and their log-probabilities are asked for: hosted models may refuse the very question."""
        return self._options.server in ("vllm", "sglang", "llama.cpp")

    def _logprobs(self, ids: Sequence[int], top: int) -> dict[str, Any]:
        """The keys that ask for log-probabilities: of these tokens, or of the most likely ones."""
        shown = len(ids) or top
        body: dict[str, Any] = {"logprobs": True, "top_logprobs": shown} if self._chat else {"logprobs": shown}
        if self._exact:
            # Several tokens may decode to the same text.
            body["return_tokens_as_token_ids"] = bool(ids)
            if ids:
                body["logprob_token_ids"] = list(ids)
        return body

    def _body(self, prompt: PromptBody, temperature: float) -> dict[str, Any]:
        limit = "max_completion_tokens" if self._chat and self._options.server == "openai" else "max_tokens"
        body = {**prompt.body, limit: prompt.room, "temperature": temperature}
        if self._exact:
            body |= _VLLM_PLAIN
        return body

    def _with_extras(self, body: dict[str, Any]) -> dict[str, Any]:
        """The body with the model and what the config adds; a null takes a key away."""
        whole = {"model": self._model, **body, **self._options.extra_body}
        return {key: value for key, value in whole.items() if value is not None}

    async def _completion(self, body: dict[str, Any], prompt: PromptBody) -> Completion:
        if self._exact and prompt.ids and "logprobs" in body:
            body = {**body, "return_token_ids": True}
        server_reply = await self._client.call(_CHAT_PATH if self._chat else _PATH, self._with_extras(body))
        reply = _read(server_reply, chat=self._chat)
        if reply.finish == "content_filter":
            raise BackendError(
                f"{reply.server} withheld its answer: finish_reason is 'content_filter'.",
                hint="The service filters the query or a passage; on_error: keep_order leaves these where they were.",
            )
        text = reply.text
        if prompt.start and text.lstrip().startswith(prompt.start.strip()):
            text = text.lstrip()[len(prompt.start.strip()) :]
        return reply.with_text(text)

    async def _spelled(self, reply: Completion, request: Generate) -> dict[str, Any]:
        """The text and, where the server tells them, its tokens with their log-probabilities.

        Ids are decoded here as the transformers backend decodes them; servers may join half characters otherwise.
        """
        text, ids = reply.text, list(reply.ids)
        if ids and self._tokenizer is not None:
            texts = await self._tokenizer.run(lambda tokens: pieces_of(ids, tokens))
            text = "".join(texts)
            if reply.stopped_by in request.stop:
                text = text[: min((text.find(stop) for stop in request.stop if stop in text), default=None)]
        else:
            texts = [step.token for step in reply.steps]
        texts = first_pieces(texts, len(text))
        if not reply.steps or "".join(texts) != text:
            return {"text": text}
        logprobs = tuple(step.logprob for step in reply.steps[: len(texts)])
        return {"text": text, "tokens": tuple(texts), "logprobs": logprobs}

    async def _labels(self, request: LabelLogprobs) -> list[list[Any]]:
        """The tokens of each label, as the keys of the answer hold them: ids, or else texts."""
        if self._tokenizer is not None:
            ids = await self._tokenizer.run(lambda tokens: self._prompts.rendering(tokens, None).labels(request))
            if self._exact:
                return [list(spelled) for spelled in ids]
            return await self._tokenizer.run(lambda tokens: [[tokens.decode([one]) for one in own] for own in ids])
        if not self._exact:
            return [[word] for word in request.labels]
        if request.spellings:
            raise ConfigError(
                "This method reads every token that decodes to a label.",
                hint="Give the served model's tokenizer: backend: {tokenizer: <hub id or folder>}.",
            )
        by_server = [await self._ids_of(word) for word in request.labels]
        for word, own in zip(request.labels, by_server, strict=True):
            if request.single and len(own) > 1:
                raise ConfigError(f"The label {word!r} is {len(own)} tokens for {self._model!r}.")
        return [list(own[:1]) for own in by_server]

    async def _ids_of(self, word: str) -> list[int]:
        """A word's tokens, by the tokenizer here or the server's."""
        if word not in self._words:
            if self._tokenizer is not None:
                self._words[word] = [await self._tokenizer.run(lambda tokens: tokens.label(word))]
            else:
                asked = {"model": self._model, "prompt": word, "add_special_tokens": False}
                server_reply = await self._client.call("/tokenize", asked)
                with server_reply.expected() as payload:
                    self._words[word] = [int(one) for one in payload["tokens"]]
                    if not self._words[word]:
                        raise ValueError(f"no token for {word!r}")
        return self._words[word]

    def _missing(self, word: str, top: dict[Any, float], server: str) -> float:
        if self._options.missing_label == "floor" and top:
            return min(top.values())
        raise ResponseError(
            f"{server} gave the {len(top)} most likely next tokens, and {word!r} is not among them: {list(top)[:8]}.",
            hint="missing_label: floor scores it as the least of them; server: vllm can be asked for any token.",
        )

    async def _context_size(self) -> int | None:
        """Most tokens of a prompt and its answer, as far as the server says so."""
        if self._context is None and self._tokenizer is not None and self._options.server in ("vllm", "sglang"):
            server_reply = await self._client.call("/v1/models")
            with server_reply.expected() as payload:
                sizes = {one["id"]: one.get("max_model_len") for one in payload["data"]}
            self._context = sizes.get(self._model)
        return self._context


def _read(server_reply: ServerReply, *, chat: bool) -> Completion:
    with server_reply.expected() as payload:
        return chat_reply(server_reply.server, payload) if chat else completion_reply(server_reply.server, payload)


def _watched(top: dict[Any, float], words: Sequence[str], ids: Sequence[int]) -> tuple[float, ...]:
    """The words' log-probabilities in place of the last token; nothing unless all of them are known."""
    keys: Sequence[Any] = ids or words
    return tuple(top[key] for key in keys) if all(key in top for key in keys) else ()


def _ending(reply: Completion, request: Generate) -> Literal["stop", "end", "length"]:
    if reply.finish == "length":
        return "length"
    return "stop" if isinstance(reply.stopped_by, str) and reply.stopped_by in request.stop else "end"
