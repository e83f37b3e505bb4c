"""What stands for the framework's LLM where no adapter brings one."""

from __future__ import annotations

from collections.abc import Sequence

from ...backend import ConfiguredBackend
from ...errors import ConfigError, SwaprankError
from ...requests import Request, Response
from .options import LlmOptions


class MissingLlm(ConfiguredBackend):
    """Stands where a config says ``backend: llm`` and no framework is there: it can be checked, but not run."""

    Options = LlmOptions

    def run(self, requests: Sequence[Request]) -> Sequence[Response | SwaprankError]:
        """Refuse.

        Raises:
            ConfigError: Always.
        """
        raise ConfigError(
            "backend: llm is the LLM object of a framework, and there is none here.",
            hint="Give llm= to the Reranker of llamaindex_rerankers or langchain_rerankers, or name another backend.",
        )

    async def arun(self, requests: Sequence[Request]) -> Sequence[Response | SwaprankError]:
        """As `run`."""
        return self.run(requests)
