"""The functions of an archive, served as the build has them served, and Google's events.

| noun | what it does |
|---|---|
| `Instance` | one function, in one instance |
| `deliver` | one event, to an instance |
| `KillingProxy` | what an instance takes for Firestore, which ends it inside of a request |
"""

from emulator_tests.deploy.serving.instance import Instance, deliver
from emulator_tests.deploy.serving.killing import KillingProxy

__all__ = ["Instance", "KillingProxy", "deliver"]
