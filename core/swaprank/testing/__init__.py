"""Public test tools: backends that follow a script, and checks of the promises every part must keep."""

from .backends import OracleBackend, ScriptedBackend, arbitrary_response
from .checks import check_backend, check_method, check_reranker
from .compressors import check_compressor, compressor_findings
from .conformance import Finding
from .postprocessors import check_postprocessor, postprocessor_findings

__all__ = [
    "Finding",
    "OracleBackend",
    "ScriptedBackend",
    "arbitrary_response",
    "check_backend",
    "check_compressor",
    "check_method",
    "check_postprocessor",
    "check_reranker",
    "compressor_findings",
    "postprocessor_findings",
]
