"""The command in a process of its own."""

import subprocess
import sys


def swaprank(*arguments, given: str = "", check: int = 0, before: str = "", redirect: str = "", **options):
    """The command as a user runs it, with redirections of the shell such as ``<&-``."""
    code = f"{before}; from swaprank.cli import main; main()".lstrip("; ")
    command = ["sh", "-c", f'exec "$@" {redirect}', "sh", sys.executable, "-c", code, *map(str, arguments)]
    done = subprocess.run(command, input=given, capture_output=True, text=True, timeout=120, **options)
    assert done.returncode == check, done.stderr + done.stdout
    assert "Traceback" not in done.stderr
    return done
