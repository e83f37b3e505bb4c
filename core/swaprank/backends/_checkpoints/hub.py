"""How the files of a model are got from the hub."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from pydantic import SecretStr


@dataclass(frozen=True, slots=True)
class HubAccess:
    """What a config says about downloads; each field is an option of the backend.

    Attributes:
        revision: Branch, tag or commit of the model; None for the default branch.
        cache_dir: Where downloads are kept; None for the hub library's default.
        local_files_only: Never ask the hub.
        trust_remote_code: Run Python code that comes with the model.
        token: Access token; None for the environment's.
    """

    revision: str | None = None
    cache_dir: str | None = None
    local_files_only: bool = False
    trust_remote_code: bool = False
    token: SecretStr | None = None

    def of_another(self) -> HubAccess:
        """The same for another repository: a revision is the model's, never its base's or its PEFT adapter's."""
        return replace(self, revision=None)

    def arguments(self) -> dict[str, Any]:
        """The arguments of a download, as transformers and peft name them."""
        return {
            "revision": self.revision,
            "cache_dir": self.cache_dir,
            "local_files_only": self.local_files_only,
            "token": self.token.get_secret_value() if self.token else None,
        }
