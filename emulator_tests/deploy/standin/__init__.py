"""A stand-in for the Google APIs that `firebase deploy` calls, on loopback.

The deploy tool is the real one and is told nothing: it reaches Google through a proxy, as it would
in an office, and the proxy leads each host name to the stand-in, which answers like that API for
one project and records every request.

| noun | what it does |
|---|---|
| `GoogleProject` | the project's resources: functions, rules, indexes, secrets, policies |
| `Recording`, `Recorded` | every request that came |
| `StandIn` | the server and the proxy |
| `FirebaseDeploy` | runs the real `firebase deploy` against it |
"""

from emulator_tests.deploy.standin.deploy import Deployment, FirebaseDeploy
from emulator_tests.deploy.standin.project import GoogleProject
from emulator_tests.deploy.standin.recording import Recorded, Recording
from emulator_tests.deploy.standin.server import StandIn

__all__ = [
    "Deployment",
    "FirebaseDeploy",
    "GoogleProject",
    "Recorded",
    "Recording",
    "StandIn",
]
