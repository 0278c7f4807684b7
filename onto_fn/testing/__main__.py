"""Run a project's emulators until Ctrl-C: `python -m onto_fn.testing [FOLDER]`."""

from __future__ import annotations

import argparse
import signal
import sys
from pathlib import Path

from onto_fn.testing.config import configured_ports, read_config
from onto_fn.testing.process import EmulatorError
from onto_fn.testing.suite import EmulatorSuite
from onto_fn.testing.toolchain import ToolchainError

_EMULATORS = ("firestore", "functions", "pubsub", "auth", "storage")
_DEFAULT = ("firestore", "functions")


def main() -> int:
    """Start the emulators, print where they are, and wait; returns the exit status."""
    arguments = _parser().parse_args()
    config = read_config(arguments.folder)
    ports = configured_ports(config)
    only = arguments.only or [name for name in _EMULATORS if name in ports] or _DEFAULT
    suite = EmulatorSuite(arguments.folder, only=only, project_id=arguments.project, ports=ports)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        with suite:
            print("\n".join(_addresses(suite)), flush=True)
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
    parser.add_argument("folder", nargs="?", default=".", type=Path, help="holds firebase.json")
    parser.add_argument(
        "--only",
        type=lambda names: names.split(","),
        help="emulators, separated by commas, instead of those with a port in firebase.json",
    )
    parser.add_argument("--project", default="demo-onto-fn", help="begins with demo-")
    return parser


def _addresses(suite: EmulatorSuite) -> list[str]:
    return [
        *(f"{name:<10} http://{suite.host(name)}" for name in suite.only),
        f"{'log':<10} {suite.log_path}",
        "",
        "Clients find them with:",
        *(f"  export {name}={value}" for name, value in suite.environ().items()),
        "",
        "Ctrl-C stops them.",
    ]


if __name__ == "__main__":
    sys.exit(main())
