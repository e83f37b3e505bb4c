"""Public test tools: backends that follow a script, and checks of the promises every part must keep."""

from .backends import OracleBackend, ScriptedBackend, arbitrary_response
from .checks import check_backend, check_method, check_reranker
from .frameworks import check_compressor

__all__ = [
    "OracleBackend",
    "ScriptedBackend",
    "arbitrary_response",
    "check_backend",
    "check_compressor",
    "check_method",
    "check_reranker",
]
