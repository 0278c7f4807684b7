"""The Firestore port: paths, values, documents, queries and the few calls the engine makes.

Only this package uses Google's client; it does not depend on models or views.
"""

from onto_fn.firestore.channel import Deadlines
from onto_fn.firestore.database import Database
from onto_fn.firestore.documents import Document, Reference, Write
from onto_fn.firestore.paths import PathTemplate
from onto_fn.firestore.queries import Filter, Query, QueryShape

__all__ = [
    "Database",
    "Deadlines",
    "Document",
    "Filter",
    "PathTemplate",
    "Query",
    "QueryShape",
    "Reference",
    "Write",
]
