"""Serve a page that finds the emulators of firebase.json: `python scripts/web.py [PORT [FOLDER]]`.

The page is in `web/` of the folder, which has the firebase.json; by default, that of the meeting
room.
"""

from __future__ import annotations

import sys
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import urlencode

from onto_fn.cli.choosing import emulated_project
from onto_fn.testing.emulators.config import configured_ports, read_config

ROOT = Path(__file__).resolve().parent.parent
HOST = "127.0.0.1"
PORT = 5005
# The page's:
DEFAULTS = {"firestore": 8080, "auth": 9099, "functions": 5001}
PROJECT = "demo-onto-fn"


def query_of(ports: dict[str, int], project: str = PROJECT) -> str:
    """What the page's address has to say of ports and project, "" if they are the usual ones."""
    others = {
        name: f"{HOST}:{ports[name]}"
        for name, usual in DEFAULTS.items()
        if ports.get(name, usual) != usual
    }
    if project != PROJECT:
        others["project"] = project
    return f"?{urlencode(others, safe=':')}" if others else ""


class Page(SimpleHTTPRequestHandler):
    """Serves files, and adds to the page's address where the emulators are."""

    def __init__(self, *args, query: str, **kwargs) -> None:
        self.query = query
        super().__init__(*args, **kwargs)

    def do_GET(self) -> None:
        if self.path == "/" and self.query:
            self.send_response(302)
            self.send_header("Location", f"/{self.query}")
            self.end_headers()
        else:
            super().do_GET()

    def log_message(self, *args) -> None:
        pass


def server(port: int, folder: Path = ROOT / "web", project: Path = ROOT) -> ThreadingHTTPServer:
    """A server of the page for the emulators of a project; port 0 is a free one."""
    query = query_of(configured_ports(read_config(project)), emulated_project(project))
    return ThreadingHTTPServer((HOST, port), partial(Page, query=query, directory=str(folder)))


def main() -> None:
    try:
        project = ROOT / sys.argv[2] if len(sys.argv) > 2 else ROOT
        port = int(sys.argv[1]) if len(sys.argv) > 1 else PORT
        serving = server(port, project / "web", project)
    except OSError as error:
        sys.exit(f"the page cannot be served: {error}; choose another port: make web PORT=5006")
    with serving:
        emulators = "make emulators" if project == ROOT else f"see {sys.argv[2]}/README.md"
        print(f"http://{HOST}:{serving.server_port}/ ; the emulators: {emulators}", flush=True)
        try:
            serving.serve_forever()
        except KeyboardInterrupt:
            print("stopped")


if __name__ == "__main__":
    main()
