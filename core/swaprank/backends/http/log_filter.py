"""Masking in what httpx and httpcore log: they repeat a server's reason phrase and headers."""

from __future__ import annotations

import logging
import weakref

from .._common.secrets import Secrets

_LOGGERS = ("httpx", "httpcore.connection", "httpcore.http11", "httpcore.http2", "httpcore.proxy")


class _SecretFilter(logging.Filter):
    """Masks the secrets of all clients that live."""

    def __init__(self) -> None:
        super().__init__()
        self.known: weakref.WeakSet[Secrets] = weakref.WeakSet()

    def filter(self, record: logging.LogRecord) -> bool:
        """Let every record pass, without the secrets."""
        text = message = record.getMessage()
        for secrets in list(self.known):
            text = secrets.masked(text)
        if text != message:
            record.msg, record.args = text, ()
        return True


_filter = _SecretFilter()


def mask_logs(secrets: Secrets) -> None:
    """Keep these secrets out of the logs of httpx and httpcore, as long as they are in use."""
    _filter.known.add(secrets)
    for name in _LOGGERS:
        logging.getLogger(name).addFilter(_filter)  # adds it once
