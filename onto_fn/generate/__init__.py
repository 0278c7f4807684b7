"""Generate files for Firebase from an app's declarations: rules, indexes, TypeScript."""

from onto_fn.generate.files import GeneratedFile, generated_files, types_of
from onto_fn.generate.indexes import index_file
from onto_fn.generate.rules import rules_text
from onto_fn.generate.typescript import typescript

__all__ = ["GeneratedFile", "generated_files", "index_file", "rules_text", "types_of", "typescript"]
