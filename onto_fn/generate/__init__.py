"""Files for Firebase that are made from what an app declares: security rules and indexes."""

from onto_fn.generate.files import GeneratedFile, generated_files
from onto_fn.generate.indexes import index_file
from onto_fn.generate.rules import rules_text

__all__ = ["GeneratedFile", "generated_files", "index_file", "rules_text"]
