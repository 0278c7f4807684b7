"""Generate files from an app's declarations: rules, indexes, TypeScript, documents of its API."""

from onto_fn.generate.files import (
    GeneratedFile,
    generated_files,
    graphql_of,
    openapi_of,
    openrpc_of,
    types_of,
)
from onto_fn.generate.indexes import index_file
from onto_fn.generate.rules import rules_text
from onto_fn.generate.typescript import typescript

__all__ = [
    "GeneratedFile",
    "generated_files",
    "graphql_of",
    "index_file",
    "openapi_of",
    "openrpc_of",
    "rules_text",
    "types_of",
    "typescript",
]
