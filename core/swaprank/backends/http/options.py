"""What a config may say about a server."""

from __future__ import annotations

from typing import Any, ClassVar, Literal, Self
from urllib.parse import quote, urlsplit

from pydantic import Field, SecretStr, field_validator, model_validator

from ...backend import BackendOptions
from ...requests import Capability
from .._common.secrets import Secrets, texts_in
from .apis import EMBEDDING, LANGUAGE, Api
from .header_values import HEADER_NAME, sendable
from .services import SERVICES, Service, from_environment, root

# How many passages a hosted service gets in one call: Cohere counts a hundred as one search.
_OF_SERVICES = 100
# NVIDIA's first hosted reranker has no name in its path.
_NAMES_IN_PATHS = {"nv-rerank-qa-mistral-4b:1": "nvidia"}
# OpenAI's limits of `top_logprobs` in chats and of `logprobs` in completions; other servers take 20, too.
_TOP, _TOP_OPENAI_COMPLETIONS = 20, 5


class HttpOptions(BackendOptions):
    """``backend: {type: http, base_url: ..., api: ...}``; ``model`` is the name it is served by.

    Attributes:
        api: Which endpoint is asked, in which words. Nothing is guessed from a URL or a model's name. The name of a
            hosted service (``cohere``, ``voyage``, ...) brings its address, its limits, and the environment variable
            of its key.
        base_url: The server's address; a ``/v1`` at its end may be left out.
        base_urls: The addresses of several servers of the same model, in place of `base_url`. The least busy
            one takes a request, and one that failed rests for `cooldown` seconds.
        server: What answers an ``openai-*`` api: ``"openai"`` stands for any that does no more than OpenAI's.
        region: The region of a hosted service that has regions.
        project: The project at a hosted service that has projects.
        tokenizer: Folder or hub id of the served model's tokenizer. With it, ``openai-completions`` sends the
            very tokens that the transformers backend reads, chat template included.
        max_model_len: Most tokens of a prompt and its answer, for cutting passages with a `tokenizer`; None for
            what vLLM and SGLang say, elsewhere no limit.
        parse_control_tokens: As in the transformers backend; with a `tokenizer`.
        top_logprobs: How many of the most likely next tokens a server is asked for where it cannot be asked for
            given ones; None for as many as OpenAI allows.
        missing_label: What a label is worth that is not among them: ``"error"``, or ``"floor"``, the least of
            them, which it cannot exceed.
        scores: What a rerank endpoint returns: ``"probability"`` or ``"logit"``; ``"auto"`` is what the `api` is
            known for.
        batch_size: Most passages or texts in one call of a rerank, score or embedding endpoint; hosted services
            get 100 where the config says nothing, and no call gets more than the model's documentation allows.
        api_key: Sent as ``Authorization: Bearer``, or in the header of the hosted service; write ``${NAME}`` to read
            it from the environment.
        headers: Further headers. Their values count as secrets.
        extra_body: Keys added to every request; a null takes one away that is sent otherwise. Its texts count as
            secrets.
        max_concurrency: Most requests at the same time, for each event loop.
        timeout: Most seconds of one attempt.
        connect_timeout: Most seconds until a connection stands.
        retries: How often a request is tried again after a time-out, a cut connection, a 429 or a 5xx.
        longest_pause: Most seconds between two attempts. A server whose ``Retry-After`` is longer is given up.
        cooldown: Seconds that a server rests after it failed, and the most that its ``Retry-After`` can make it rest.
        max_response_bytes: Most bytes of a response, after decompression; a longer one is an error.
        trust_env: Whether proxies (``HTTP_PROXY``, ``HTTPS_PROXY``, ``ALL_PROXY``, ``NO_PROXY``) and certificates
            (``SSL_CERT_FILE``, ``SSL_CERT_DIR``) are read from the environment.
    """

    name: ClassVar[str] = "http"
    capabilities: ClassVar[frozenset[Capability]] = frozenset(
        {
            Capability.TEXT,
            Capability.LABEL_LOGPROBS,
            Capability.SEQUENCE_LOGPROBS,
            Capability.PAIR_SCORE,
            Capability.EMBEDDINGS,
        }
    )
    extra: ClassVar[str] = "http"
    neutral: ClassVar[frozenset[str]] = frozenset(
        {
            "api_key",
            "headers",
            "batch_size",
            "max_concurrency",
            "timeout",
            "connect_timeout",
            "retries",
            "longest_pause",
            "cooldown",
            "max_response_bytes",
            "trust_env",
        }
    )

    api: Api
    base_url: str = "http://127.0.0.1:8000"
    base_urls: tuple[str, ...] = Field(default=(), min_length=1)
    region: str | None = Field(default=None, pattern=r"^[a-z0-9-]+$")
    project: str | None = Field(default=None, pattern=r"^[A-Za-z0-9:.-]+$")
    server: Literal["openai", "vllm", "sglang", "llama.cpp", "tgi"] = "openai"
    tokenizer: str | None = None
    max_model_len: int | None = Field(default=None, ge=16)
    parse_control_tokens: bool = False
    top_logprobs: int | None = Field(default=None, ge=1)
    missing_label: Literal["error", "floor"] = "error"
    scores: Literal["auto", "probability", "logit"] = "auto"
    batch_size: int = Field(default=32, ge=1)
    api_key: SecretStr | None = None
    headers: dict[str, SecretStr] = Field(default_factory=dict)
    extra_body: dict[str, Any] = Field(default_factory=dict, repr=False)
    max_concurrency: int = Field(default=16, ge=1)
    timeout: float = Field(default=60.0, gt=0, allow_inf_nan=False)
    connect_timeout: float = Field(default=5.0, gt=0, allow_inf_nan=False)
    retries: int = Field(default=3, ge=0)
    longest_pause: float = Field(default=30.0, ge=0, allow_inf_nan=False)
    cooldown: float = Field(default=10.0, ge=0, allow_inf_nan=False)
    max_response_bytes: int = Field(default=64 * 2**20, ge=1024)
    trust_env: bool = True

    @field_validator("api_key")
    @classmethod
    def _key(cls, value: SecretStr | None) -> SecretStr | None:
        return None if value is None else sendable(value, "the key")

    @field_validator("headers")
    @classmethod
    def _headers(cls, value: dict[str, SecretStr]) -> dict[str, SecretStr]:
        if not all(HEADER_NAME.fullmatch(name) for name in value):
            raise ValueError("a header's name holds a character that no name can (it is not shown)")
        return {name: sendable(one, f"the header {name}") for name, one in value.items()}

    @field_validator("base_url", "base_urls")
    @classmethod
    def _addresses(cls, value: Any) -> Any:
        for url in (value,) if isinstance(value, str) else value:
            parts = urlsplit(url)
            if parts.username or parts.password or parts.query or parts.fragment or "@" in url:
                raise ValueError("an address holds no user, password or query: put keys into api_key or headers")
            if parts.scheme not in ("http", "https") or not parts.hostname or parts.port == 0:
                raise ValueError(f"{url!r} is not an http address, such as http://127.0.0.1:8000")
        return value

    @model_validator(mode="after")
    def _fitting(self) -> Self:
        """Options that the api would not read are mistakes."""
        if self.base_urls and "base_url" in self.model_fields_set:
            raise ValueError("give either base_url or base_urls")
        if self.server != "openai" and not self.api.startswith("openai-"):
            raise ValueError(f"server: {self.server} is for the openai apis, not for {self.api}")
        if self.api not in LANGUAGE and (self.tokenizer or self.top_logprobs or self.missing_label != "error"):
            raise ValueError(f"tokenizer, top_logprobs and missing_label are for language models, not for {self.api}")
        if self.api in (*LANGUAGE, *EMBEDDING) and self.scores != "auto":
            raise ValueError(f"scores is for rerank endpoints, not for {self.api}")
        if self.service is not None:
            self._fits_service(self.service)
        if self.region and not (self.service and self.service.regional):
            raise ValueError(f"region is for hosted services that have regions, not for {self.api}")
        if self.project and not (self.service and self.service.projects):
            raise ValueError(f"project is for hosted services that have projects, not for {self.api}")
        if self.server == "tgi" and self.tokenizer and self.api == "openai-completions":
            raise ValueError("TGI takes no token ids; use api: openai-chat, or leave the tokenizer out")
        return self

    def _fits_service(self, service: Service) -> None:
        """What a hosted service needs and nobody has said is a mistake."""
        for option, known, names in (
            ("region", self.located, service.regions),
            ("project", self.billed_to, service.projects),
        ):
            if names and not known:
                raise ValueError(f"{service.title} needs {option}, or the environment variable {names[0]}")
        own = bool(self.base_urls) or "base_url" in self.model_fields_set
        if not own and not service.base_url:
            raise ValueError(f"{service.title} has an address for every customer: give base_url")
        if not own and not service.credentials and not self.headers and self.key is None:
            raise ValueError(f"{service.title} needs {service.key_hint}")
        if not own and not service.keys and self.api_key is not None:
            raise ValueError(f"{service.title} takes no api_key here, but {service.credentials}")
        most = service.most_documents
        if most is not None and self.passages_per_call > most:
            raise ValueError(
                f"batch_size is {self.batch_size}, and {service.title} takes at most {most} documents in one call"
            )

    @property
    def service(self) -> Service | None:
        """The hosted service that `api` names."""
        return SERVICES.get(self.api)

    @property
    def located(self) -> str:
        """The region, of the config or the environment; empty where there is none."""
        return self.region or (self.service.located if self.service else "")

    @property
    def billed_to(self) -> str:
        """The project, of the config or the environment; empty where there is none."""
        return self.project or (from_environment(self.service.projects) if self.service else "")

    @property
    def key(self) -> SecretStr | None:
        """The key of the config, or of the hosted service's environment variable."""
        found = from_environment(self.service.keys) if self.api_key is None and self.service else ""
        return sendable(SecretStr(found), "the key") if found else self.api_key

    @property
    def passages_per_call(self) -> int:
        """Most passages in one call."""
        given = self.service is None or "batch_size" in self.model_fields_set
        return self.batch_size if given else _OF_SERVICES

    def path(self, template: str, model: str) -> str:
        """A path with the model, project and region in their places."""
        # Paths have no dots in a model's name where the name has (NVIDIA's llama-3.2 is llama-3_2).
        named = quote(_NAMES_IN_PATHS.get(model, model.replace(".", "_")), safe="/:")
        return template.format(model=named, project=self.billed_to, region=self.located)

    def sent_model(self, model: str) -> str:
        """The name of the model as the service wants it: Bedrock has ARNs."""
        if self.api == "bedrock" and not model.startswith("arn:"):
            return f"arn:aws:bedrock:{self.located}::foundation-model/{model}"
        return model

    @property
    def sent_headers(self) -> dict[str, str]:
        """What is sent with every request."""
        service = self.service
        headers = {**(service.headers if service else {})}
        headers |= {name: value.get_secret_value() for name, value in self.headers.items()}
        if self.key is not None:
            key = self.key.get_secret_value()
            name = service.header if service else ""
            headers[name or "Authorization"] = key if name else f"Bearer {key}"
        return headers

    @property
    def secrets(self) -> Secrets:
        """What no message may repeat: the headers' values, and the texts of `extra_body`."""
        public = set(self.service.headers.values()) if self.service else set()
        values = [value for value in self.sent_headers.values() if value not in public]
        return Secrets([*values, *texts_in(self.extra_body)])

    @property
    def urls(self) -> tuple[str, ...]:
        """The roots of the servers: addresses without what all paths here begin with."""
        given = self.base_urls or (self.base_url,)
        if self.service is not None and not self.base_urls and "base_url" not in self.model_fields_set:
            given = (self.service.address(self.located, self.key.get_secret_value() if self.key else ""),)
        return tuple(root(self.api, url) for url in given)

    @property
    def top(self) -> int:
        """How many of the most likely tokens are asked for."""
        least = self.server == "openai" and self.api == "openai-completions"
        return self.top_logprobs or (_TOP_OPENAI_COMPLETIONS if least else _TOP)

    @property
    def offered(self) -> frozenset[Capability]:
        """What the api of this server answers."""
        if self.api in EMBEDDING:
            return frozenset({Capability.EMBEDDINGS})
        if self.api not in LANGUAGE:
            return frozenset({Capability.PAIR_SCORE})
        able = {Capability.TEXT, Capability.LABEL_LOGPROBS}
        if self.api == "openai-completions" and self.server == "vllm" and self.tokenizer:
            able.add(Capability.SEQUENCE_LOGPROBS)
        return frozenset(able)

    @classmethod
    def offering(cls, needs: frozenset[Capability]) -> str:
        """Which api answers what is asked for."""
        if Capability.PAIR_SCORE in needs:
            how = "an api of scores, such as vllm-score"
        elif Capability.EMBEDDINGS in needs:
            how = "api: openai-embeddings or tei-embed"
        elif Capability.SEQUENCE_LOGPROBS in needs:
            how = "api: openai-completions, server: vllm and a tokenizer"
        else:
            how = "api: openai-chat or openai-completions"
        return f"{super().offering(needs)} with {how}"
