"""Refuse, in front of the Firestore emulator, each query that production would refuse.

The emulator answers every query; production refuses one that no index of `firestore.indexes.json`
serves. `StrictIndexes` listens on a port and passes everything on to an emulator, but answers such
a query as production does: FAILED_PRECONDITION, with the index to add. It takes gRPC, the REST API
and the Web SDK's stream, all on the one port as the emulator does.

There are three ways to use it, none of which needs anything else of this library:

- `pytest --firestore-strict-indexes`, also for tests that find their emulator in the variable
  FIRESTORE_EMULATOR_HOST, as under `firebase emulators:exec`;
- `onto dev --strict`;
- `python -m onto_fn.testing.strict_indexes`, for programs in any language.

`onto_fn.indexing` describes the rules. They are those of the Standard edition. If `firebase.json`
says that the database is of the Enterprise edition, which needs no index, nothing is refused.
"""

from __future__ import annotations

from onto_fn.testing.strict_indexes.checking import Checker
from onto_fn.testing.strict_indexes.running import StrictIndexes

__all__ = ["Checker", "StrictIndexes"]
