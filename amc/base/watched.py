"""Run a command that ends together with this process's parent, also when that one is killed.

`python -m amc.base.watched COMMAND …`; its exit status is the command's.
"""

import os
import subprocess
import sys

from amc.base import processes

INTERVAL = 1  # seconds between two looks at the parent


def main(command: list[str]) -> int:
    """Run `command`; returns its exit status."""
    parent = os.getppid()
    running = subprocess.Popen(command)
    while os.getppid() == parent:
        try:
            return running.wait(timeout=INTERVAL)
        except subprocess.TimeoutExpired:
            continue
    processes.end_children()
    return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
