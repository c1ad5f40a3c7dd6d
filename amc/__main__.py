"""The command line: `python -m amc COMMAND`; `--help` lists the commands.

A user's mistake ends with one line and exit status 2.
"""

import signal
import sys

from amc.base import processes
from amc.base.errors import AmcError, print_any_path
from amc.cli import commands
from amc.cli.parser import parser

RESUME = {  # what a user does after a stop
    "reproduce": "run the same command again: finished runs are reused",
    "train": "run the same command again: it continues from the last finished epoch",
    "flow": "run the same command again: what is computed is kept",
    "flow train": "run the same command again: it continues from the last step that it logged",
    "index": "run the same command again: videos that were read are not read again",
    "predict": "the videos that were logged are done; the same command does all of them again",
    "suggest": "nothing is written before all videos are scored; the same command starts again",
    "unpack": "run the same command again: it unpacks everything again; no file is cut off",
}


def main(arguments: list[str] | None = None) -> int:
    """Run one command; returns the exit status."""
    print_any_path()
    arguments = sys.argv[1:] if arguments is None else arguments
    given = parser(arguments[0] if arguments else "").parse_args(arguments)
    try:
        with processes.stoppable():
            return given.run(given)
    except AmcError as error:
        print(f"amc: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt as error:
        status = 128 + (error.signal if isinstance(error, processes.Ended) else signal.SIGINT)
        known = error.advice if isinstance(error, processes.Stopped) else ""
    processes.end_children()  # only here, after all loops and progress bars have ended
    name = "flow train" if given.run is commands.flow_train else given.command
    print(f"amc: stopped; {known or RESUME.get(name, 'the same command starts again')}", file=sys.stderr)
    return status


if __name__ == "__main__":
    sys.exit(main())
