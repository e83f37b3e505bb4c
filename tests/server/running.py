"""A server on a free port, in this process or in one of its own."""

import contextlib
import os
import re
import subprocess
import sys
import threading
import time

import uvicorn

from swaprank.server.app import build_app
from swaprank.server.options import ServerOptions


@contextlib.contextmanager
def served(models, **options):
    """The address of a server in a thread of this process."""
    app = build_app(ServerOptions(models=models, **options))
    config = uvicorn.Config(app, host="127.0.0.1", port=0, log_level="warning", timeout_graceful_shutdown=1)
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    try:
        until(lambda: server.started or not thread.is_alive())
        yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join()


@contextlib.contextmanager
def served_by_command(log, *arguments):
    """The process of ``swaprank serve`` and its address; `log` takes what it says."""
    command = [sys.executable, "-c", "from swaprank.cli import main; main()", "serve", "--port", "0", *arguments]
    with log.open("wb") as said:
        process = subprocess.Popen([*map(str, command)], stderr=said, env={**os.environ, "OMP_NUM_THREADS": "1"})
        try:
            until(lambda: re.search(r"running on \S+:\d+", log.read_text()) or process.poll() is not None, 120)
            yield process, re.search(r"running on (\S+:\d+)", log.read_text())[1]
        finally:
            if process.poll() is None:
                process.terminate()
            process.wait(30)


def until(condition, seconds=30):
    end = time.monotonic() + seconds
    while not (held := condition()):
        assert time.monotonic() < end, "it does not come true"
        time.sleep(0.02)
    return held
