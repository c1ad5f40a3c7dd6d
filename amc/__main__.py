"""The command line: `python -m amc COMMAND`; `--help` lists the commands.

A user's mistake ends with one line and exit status 2.
"""

import signal
import sys

RESUME = {  # what a user does after a stop
    "reproduce": "run the same command again: finished runs are reused",
    "train": "run the same command again: it continues from the last finished epoch",
    "flow": "run the same command again: what is computed is kept",
    "flow train": "run the same command again: it continues from the last step that it logged",
    "index": "run the same command again: videos that were read are not read again",
    "predict": "the videos that were logged are done; the same command goes on with the others",
    "suggest": "nothing is written before all videos are scored; the same command starts again",
    "unpack": "run the same command again: it unpacks everything again; no file is cut off",
}


def main(arguments: list[str] | None = None) -> int:
    """Run one command; returns the exit status."""
    arguments = sys.argv[1:] if arguments is None else arguments
    try:
        return _run(arguments)
    except KeyboardInterrupt as stop:
        return _stopped(stop, arguments)


def _run(arguments: list[str]) -> int:
    from amc.base import processes  # here: a Ctrl-C while modules are imported is answered like any other
    from amc.base.errors import AmcError, print_any_path
    from amc.cli.parser import parser

    print_any_path()
    try:
        with processes.stoppable():
            given = parser(arguments[0] if arguments else "").parse_args(arguments)
            return given.run(given)
    except AmcError as error:
        print(f"amc: {error}", file=sys.stderr)
        return 2


def _stopped(stop: KeyboardInterrupt, arguments: list[str]) -> int:
    """End what the command has started, and say how to go on: only now, after all loops and progress bars."""
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)  # a second Ctrl-C has nothing more to stop
    from amc.base import processes

    processes.end_children()
    name = " ".join(arguments[: 2 if arguments[:2] == ["flow", "train"] else 1])
    known = stop.advice if isinstance(stop, processes.Stopped) else ""
    print(f"amc: stopped; {known or RESUME.get(name, 'the same command starts again')}", file=sys.stderr)
    signal.signal(signal.SIGINT, before)
    return 128 + (stop.signal if isinstance(stop, processes.Ended) else signal.SIGINT)


def command() -> None:
    """`python -m amc`: one command, then the end of Python, in which a Ctrl-C has nothing more to stop."""
    status = main()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    sys.exit(status)


if __name__ == "__main__":
    command()
