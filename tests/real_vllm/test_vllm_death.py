"""An engine in a process of its own, which is killed."""

import os
import subprocess
import sys

from tests.real_vllm.conftest import OPTIONS
from tests.real_vllm.widened import widened

# vLLM spawns its engine, which imports the script anew.
SCRIPT = """
import multiprocessing, os, signal
from swaprank.backends.vllm.backend import VllmBackend
from swaprank.backends.vllm.options import VllmOptions
from swaprank.errors import BackendError
from swaprank.requests import LabelLogprobs

if __name__ == "__main__":
    backend = VllmBackend({model!r}, VllmOptions(**{options!r}))
    asked = [LabelLogprobs("The harbour", (" the", " a"))]
    [before] = backend.run(asked)
    for child in multiprocessing.active_children():
        os.kill(child.pid, signal.SIGKILL)
    try:
        print(backend.run(asked))
    except BackendError as error:
        assert error.retryable, error
        assert "has died" in str(error), error
    [after] = backend.run(asked)
    assert after.logprobs == before.logprobs, (before, after)
    print("replaced")
"""


def test_the_call_after_a_killed_engine_starts_another(tmp_path) -> None:
    script = tmp_path / "script.py"
    script.write_text(SCRIPT.format(options=OPTIONS, model=widened("tiny-llama3-lm")))
    environment = {**os.environ, "VLLM_ENABLE_V1_MULTIPROCESSING": "1", "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run(
        [sys.executable, str(script)], env=environment, capture_output=True, text=True, timeout=240, check=False
    )
    assert done.stdout.split()[-1:] == ["replaced"], done.stderr[-3000:]
