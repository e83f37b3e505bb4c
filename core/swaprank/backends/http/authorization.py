"""Headers that a library makes for every request: signatures for AWS, access tokens for Google Cloud."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from ...errors import ConfigError, require

if TYPE_CHECKING:
    from .options import HttpOptions

# Makes the headers of a POST to a URL with that content. It may block.
Authorizer = Callable[[str, bytes], Mapping[str, str]]

_SCOPE = "https://www.googleapis.com/auth/cloud-platform"


def authorizer(options: HttpOptions) -> Authorizer | None:
    """What authorizes the requests; None where a key or nothing does."""
    if options.key is not None or any(name.lower() == "authorization" for name in options.headers):
        return None
    if options.api == "bedrock":
        return Signatures(options.located)
    if options.api == "vertex":
        return AccessTokens(options.billed_to)
    return None


class Signatures:
    """Signature Version 4, by botocore, with the credentials that AWS's tools find: variables, profiles, roles.

    Args:
        region: The region of the endpoint.
    """

    def __init__(self, region: str) -> None:
        self._region = region
        self._lock = threading.Lock()
        self._credentials: Any = None

    def __call__(self, url: str, content: bytes) -> Mapping[str, str]:
        """The signed headers of a POST.

        Raises:
            MissingDependencyError: botocore is not installed.
            ConfigError: It finds no credentials.
        """
        sessions, auth, requests = (
            require(f"botocore.{name}", extra="bedrock", purpose="api: bedrock")
            for name in ("session", "auth", "awsrequest")
        )
        with self._lock:
            if self._credentials is None:
                self._credentials = sessions.get_session().get_credentials()
        if self._credentials is None:
            raise ConfigError(
                "Amazon Bedrock needs credentials, and botocore finds none.",
                hint="Set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, a profile or a role. Bedrock's API keys are "
                "not for reranking.",
            )
        request = requests.AWSRequest("POST", url, {"Content-Type": "application/json"}, content)
        auth.SigV4Auth(self._credentials.get_frozen_credentials(), "bedrock", self._region).add_auth(request)
        return dict(request.headers.items())


class AccessTokens:
    """Access tokens of the application default credentials, by google-auth, renewed before they expire.

    Args:
        project: The project that pays.
    """

    def __init__(self, project: str) -> None:
        self._project = project
        self._lock = threading.Lock()
        self._credentials: Any = None

    def __call__(self, url: str, content: bytes) -> Mapping[str, str]:
        """The headers of a request.

        Raises:
            MissingDependencyError: google-auth is not installed.
            ConfigError: It finds no credentials, or cannot renew them.
        """
        google, exceptions, transport = (
            require(name, extra="vertex", purpose="api: vertex")
            for name in ("google.auth", "google.auth.exceptions", "google.auth.transport.requests")
        )
        with self._lock:
            try:
                if self._credentials is None:
                    self._credentials, _ = google.default(scopes=[_SCOPE])
                if not self._credentials.valid:
                    self._credentials.refresh(transport.Request())
            except exceptions.GoogleAuthError as error:
                raise ConfigError(
                    f"Vertex AI needs credentials, and google-auth has none that work ({type(error).__name__}).",
                    hint="Run: gcloud auth application-default login. Or give an access token as api_key.",
                ) from error
            token = self._credentials.token
        return {"Authorization": f"Bearer {token}", "X-Goog-User-Project": self._project}
