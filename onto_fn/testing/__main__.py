"""Run a project's emulators until Ctrl-C: `python -m onto_fn.testing [FOLDER]`."""

from __future__ import annotations

import argparse
import signal
import sys
from pathlib import Path

from onto_fn.testing.emulators.foreground import DEFAULT_PROJECT, addresses, configured_suite
from onto_fn.testing.emulators.process import EmulatorError
from onto_fn.testing.emulators.toolchain import ToolchainError


def main() -> int:
    """Start the emulators, print their addresses, and wait. Return the exit status."""
    arguments = _parser().parse_args()
    suite = configured_suite(
        arguments.folder, only=arguments.only or (), project_id=arguments.project
    )
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        with suite:
            print("\n".join([*suite.remarks, *addresses(suite)]), flush=True)
            suite.wait()
    except KeyboardInterrupt:
        print("\nstopped", flush=True)
    except (ToolchainError, EmulatorError) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m onto_fn.testing",
        description="Run a project's emulators, on the ports of its firebase.json, until Ctrl-C.",
    )
    parser.add_argument("folder", nargs="?", default=".", type=Path, help="contains firebase.json")
    parser.add_argument(
        "--only",
        type=lambda names: names.split(","),
        help="emulators, separated by commas; by default those with a port in firebase.json",
    )
    parser.add_argument("--project", default=DEFAULT_PROJECT, help="begins with demo-")
    return parser


if __name__ == "__main__":
    sys.exit(main())
