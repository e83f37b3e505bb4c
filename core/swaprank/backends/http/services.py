"""Hosted rerank services by name: their addresses, keys and limits, as their documentation states them."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from .limits import Limits


@dataclass(frozen=True, slots=True)
class Service:
    """One provider.

    Attributes:
        title: Its name, for messages.
        base_url: Its address; ``{region}`` stands for the option, and ``{region}-`` is left out for the usual region.
            Empty where every customer has an address of their own.
        keys: The environment variables of its key; messages name the first. Empty where no key is taken.
        limits: What a call may hold, with a model that is not in `models`.
        models: What it may hold with the models for which that differs.
        header: The header of the key, if not ``Authorization: Bearer``.
        headers: Sent with every request.
        regions: The environment variables of its region.
        region: The region where neither the config nor the environment says one; empty where there is no usual one.
        projects: The environment variables of the customer's project.
        credentials: What else authorizes requests, by a library; empty where only a key does.
        other_keys: How keys begin that are for another address; empty where there are none.
        other_url: That address.
    """

    title: str
    base_url: str
    keys: tuple[str, ...]
    limits: Limits = field(default_factory=Limits)
    models: Mapping[str, Limits] = field(default_factory=dict)
    header: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    regions: tuple[str, ...] = ()
    region: str = ""
    projects: tuple[str, ...] = ()
    credentials: str = ""
    other_keys: str = ""
    other_url: str = ""

    @property
    def key_hint(self) -> str:
        """How a key, or what stands for one, is given."""
        by_key = f"the environment variable {self.keys[0]}, or api_key in its backend's options" if self.keys else ""
        return " or ".join(filter(None, (by_key, self.credentials)))

    @property
    def regional(self) -> bool:
        """Whether there are regions."""
        return bool(self.regions or self.region)

    @property
    def located(self) -> str:
        """The region that the environment says, or the usual one."""
        return from_environment(self.regions) or self.region

    @property
    def most_documents(self) -> int | None:
        """Most passages of one call with any model."""
        counts = [one.documents for one in (self.limits, *self.models.values()) if one.documents is not None]
        return max(counts, default=None)

    def limits_of(self, model: str) -> Limits:
        """What a call may hold with this model."""
        return self.models.get(model, self.limits)

    def address(self, region: str, key: str) -> str:
        """Where the service is in a region, for a customer with that key."""
        if self.other_keys and key.startswith(self.other_keys):
            return self.other_url
        found = self.base_url.replace("{region}-", "") if region == self.region else self.base_url
        return found.format(region=region)


def from_environment(names: tuple[str, ...]) -> str:
    """The first variable that is set and not empty."""
    return next((value for name in names if (value := os.environ.get(name, "").strip())), "")


def root(api: str, url: str) -> str:
    """The root of a server, from an address that may go on to the endpoint, as some portals show it."""
    url = url.rstrip("/")
    if api in SERVICES:
        url = url.removesuffix("/rerank")
    url = url.removesuffix("/v1").removesuffix("/v2")
    parts = urlsplit(url)
    if api == "azure" and not parts.path and (parts.hostname or "").endswith(".services.ai.azure.com"):
        url += "/providers/cohere"
    return url


_COHERE = Limits(documents=10_000, query_tokens=2_048)
# Sources: docs/hosted.md.
SERVICES = {
    "azure": Service("Azure AI", "", ("AZURE_AI_API_KEY",), _COHERE),
    "bedrock": Service(
        "Amazon Bedrock",
        "https://bedrock-agent-runtime.{region}.amazonaws.com",
        # Bedrock's API keys are not for the operations of this endpoint.
        (),
        Limits(documents=1_000, characters=32_000),
        regions=("AWS_REGION", "AWS_DEFAULT_REGION"),
        credentials="AWS credentials that botocore finds: variables, a profile, a role",
    ),
    "cohere": Service("Cohere", "https://api.cohere.com", ("COHERE_API_KEY", "CO_API_KEY"), _COHERE),
    "contextual": Service(
        "Contextual AI", "https://api.contextual.ai", ("CONTEXTUAL_API_KEY",), Limits(tokens=400_000)
    ),
    "isaacus": Service("Isaacus", "https://api.isaacus.com", ("ISAACUS_API_KEY",)),
    "jina": Service("Jina", "https://api.jina.ai", ("JINA_API_KEY", "JINAAI_API_KEY")),
    "mixedbread": Service("Mixedbread", "https://api.mixedbread.com", ("MXBAI_API_KEY",), Limits(documents=1_000)),
    "nvidia": Service("NVIDIA", "https://ai.api.nvidia.com", ("NVIDIA_API_KEY",), Limits(documents=1_000)),
    "pinecone": Service(
        "Pinecone",
        "https://api.pinecone.io",
        ("PINECONE_API_KEY",),
        Limits(documents=100),
        {"cohere-rerank-4-fast": Limits(documents=250), "cohere-rerank-3.5": Limits(documents=200)},
        header="Api-Key",
        headers={"X-Pinecone-Api-Version": "2026-07"},
    ),
    "together": Service("Together AI", "https://api.together.ai", ("TOGETHER_API_KEY",)),
    "vertex": Service(
        "Vertex AI",
        "https://{region}-discoveryengine.googleapis.com",
        ("GOOGLE_ACCESS_TOKEN",),
        Limits(documents=200),
        region="global",
        projects=("GOOGLE_CLOUD_PROJECT",),
        credentials="Google Cloud's application default credentials",
    ),
    "voyage": Service(
        "Voyage AI",
        "https://api.voyageai.com",
        ("VOYAGE_API_KEY",),
        # The least of what its models take, for those that the documentation read here does not have.
        Limits(documents=1_000, tokens=300_000),
        {
            "rerank-2.5": Limits(documents=1_000, tokens=600_000, query_tokens=8_000),
            "rerank-2.5-lite": Limits(documents=1_000, tokens=600_000, query_tokens=8_000),
            "rerank-2": Limits(documents=1_000, tokens=600_000, query_tokens=4_000),
            "rerank-2-lite": Limits(documents=1_000, tokens=600_000, query_tokens=2_000),
            "rerank-1": Limits(documents=1_000, tokens=300_000, query_tokens=2_000),
            "rerank-lite-1": Limits(documents=1_000, tokens=300_000, query_tokens=1_000),
        },
        other_keys="al-",
        other_url="https://ai.mongodb.com",
    ),
    "zeroentropy": Service(
        "ZeroEntropy", "https://api.zeroentropy.dev", ("ZEROENTROPY_API_KEY",), Limits(size=5_000_000)
    ),
}
