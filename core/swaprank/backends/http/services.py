"""Hosted rerank services by name: their addresses, keys and limits, as their documentation states them."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field

# The least bytes of UTF-8 that a token is taken for, where a limit is in tokens: English has four to five, CJK three.
_BYTES_OF_TOKEN = 3


@dataclass(frozen=True, slots=True)
class Service:
    """One provider.

    Attributes:
        title: Its name, for messages.
        base_url: Its address; ``{region}`` stands for the option. Empty where every customer has one of their own.
        keys: The environment variables of its key; the first is the one that messages name.
        documents: Most documents of one call; None where its documentation states no limit.
        most_bytes: Most bytes of one call, where the query counts once for each document; None for no limit.
        header: The header of the key, if not ``Authorization: Bearer``.
        headers: Sent with every request.
        regions: The environment variables of its region; empty where there are no regions.
        region: The region where neither the config nor the environment says one.
        projects: The environment variables of the customer's project.
        signs: Whether requests are authorized by a library where there is no key.
    """

    title: str
    base_url: str
    keys: tuple[str, ...]
    documents: int | None = None
    most_bytes: int | None = None
    header: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    regions: tuple[str, ...] = ()
    region: str = ""
    projects: tuple[str, ...] = ()
    signs: bool = False

    @property
    def key_hint(self) -> str:
        """How a key is given."""
        return f"the environment variable {self.keys[0]}, or api_key"

    @property
    def located(self) -> str:
        """The region that the environment says, or the usual one."""
        return from_environment(self.regions) or self.region


def from_environment(names: tuple[str, ...]) -> str:
    """The first variable that is set and not empty."""
    return next((value for name in names if (value := os.environ.get(name, "").strip())), "")


# Sources: docs/hosted.md.
SERVICES = {
    "azure": Service("Azure AI", "", ("AZURE_AI_API_KEY",), 10_000),
    "bedrock": Service(
        "Amazon Bedrock",
        "https://bedrock-agent-runtime.{region}.amazonaws.com",
        ("AWS_BEARER_TOKEN_BEDROCK",),
        1_000,
        regions=("AWS_REGION", "AWS_DEFAULT_REGION"),
        signs=True,
    ),
    "cohere": Service("Cohere", "https://api.cohere.com", ("COHERE_API_KEY", "CO_API_KEY"), 10_000),
    "contextual": Service("Contextual AI", "https://api.contextual.ai", ("CONTEXTUAL_API_KEY",)),
    "isaacus": Service("Isaacus", "https://api.isaacus.com", ("ISAACUS_API_KEY",)),
    "jina": Service("Jina", "https://api.jina.ai", ("JINA_API_KEY", "JINAAI_API_KEY")),
    "mixedbread": Service("Mixedbread", "https://api.mixedbread.com", ("MXBAI_API_KEY",), 1_000),
    "nvidia": Service("NVIDIA", "https://ai.api.nvidia.com", ("NVIDIA_API_KEY",), 1_000),
    "pinecone": Service(
        "Pinecone",
        "https://api.pinecone.io",
        ("PINECONE_API_KEY",),
        100,
        header="Api-Key",
        headers={"X-Pinecone-Api-Version": "2025-10"},
    ),
    "together": Service("Together AI", "https://api.together.xyz", ("TOGETHER_API_KEY",)),
    "vertex": Service(
        "Vertex AI",
        "https://discoveryengine.googleapis.com",
        ("GOOGLE_ACCESS_TOKEN",),
        200,
        regions=("GOOGLE_CLOUD_LOCATION",),
        region="global",
        projects=("GOOGLE_CLOUD_PROJECT",),
        signs=True,
    ),
    "voyage": Service(
        "Voyage AI", "https://api.voyageai.com", ("VOYAGE_API_KEY",), 1_000, most_bytes=600_000 * _BYTES_OF_TOKEN
    ),
    "zeroentropy": Service(
        "ZeroEntropy", "https://api.zeroentropy.dev", ("ZEROENTROPY_API_KEY",), most_bytes=5_000_000
    ),
}
