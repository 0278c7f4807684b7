"""Generate files from an app's declarations: rules, indexes, TypeScript, OpenAPI, OpenRPC."""

from onto_fn.generate.files import GeneratedFile, generated_files, openapi_of, openrpc_of, types_of
from onto_fn.generate.indexes import index_file
from onto_fn.generate.rules import rules_text
from onto_fn.generate.typescript import typescript

__all__ = [
    "GeneratedFile",
    "generated_files",
    "index_file",
    "openapi_of",
    "openrpc_of",
    "rules_text",
    "types_of",
    "typescript",
]
