"""Requests: documents with which clients request changes, and the write side of views."""

from onto_fn.requests.decide import form_definition, patch_definition
from onto_fn.requests.edit import edit, load_view
from onto_fn.requests.form import Form
from onto_fn.requests.patch import Patch
from onto_fn.requests.request import Request, RequestModel

__all__ = [
    "Form",
    "Patch",
    "Request",
    "RequestModel",
    "edit",
    "form_definition",
    "load_view",
    "patch_definition",
]
