"""`FormMediator` and `PatchMediator`: what clients ask for, carried out exactly once."""

from __future__ import annotations

from typing import Any, ClassVar

from onto_fn.errors import DeclarationError
from onto_fn.mediators.mediator import checked_mark
from onto_fn.messaging.sinks import Sink
from onto_fn.renamed import renamed_arguments
from onto_fn.requests import Form, Patch, RequestModel, form_definition, patch_definition
from onto_fn.views import Definition, TaskDone

PROCESSED = "processed"


class RequestMediator:
    """What `FormMediator` and `PatchMediator` share."""

    sends: ClassVar[tuple[Sink, ...]] = ()
    _definition: Definition

    def __init__(
        self,
        model: type[RequestModel],
        mark: str | TaskDone | None,
        callable: bool,
        app_check: bool,
    ) -> None:
        self.model = model
        self.callable = callable
        self.app_check = app_check
        name = model.__name__
        field = mark.field if isinstance(mark, TaskDone) else checked_mark(mark, name)
        self._done = TaskDone(field)
        if not model.is_declared():
            raise DeclarationError(f"{name} has no path; declare it with `path='…/{{id}}'`")
        if field is not None and field in model.stored_names():
            raise DeclarationError(
                f"{name} has the field {field!r}, which is also its mark; rename the mark: "
                "`mark='…'`"
            )
        if callable and field is None:
            raise DeclarationError(
                f"{name} is callable, and a repeated call is recognised by the marked document of "
                "the first; use `mark='…'`"
            )
        if app_check and not callable:
            raise DeclarationError(
                f"{name}: app_check=True applies only to calls; enforce App Check for Firestore in "
                "the Firebase console"
            )

    @property
    def name(self) -> str:
        """The request's name, by which it is called."""
        return self.model.__request_name__

    def definition(self) -> Definition:
        """What the engine needs to know."""
        return self._definition


class FormMediator(RequestMediator):
    """Carries each form out once: the domain documents and the mark are one commit.

    Args:
        form: the form's class.
        mark: the field that marks a form: `{state: "done", at}` or `{state: "failed", at, reason}`,
            which its client can watch. With None it is deleted instead; then one that is refused
            stays, and has a dead letter.
        callable: whether it can be submitted over HTTP as well, by the function `onto_request`.
        app_check: whether such a call needs a valid App Check token.

    Example: `FormMediator(CityForm)`

    Raises:
        DeclarationError: `form` is no form, or its mark does not fit.
    """

    @renamed_arguments(done="mark")
    def __init__(
        self,
        form: type[Form[Any]],
        *,
        mark: str | None = PROCESSED,
        callable: bool = False,
        app_check: bool = False,
    ) -> None:
        if not (isinstance(form, type) and issubclass(form, Form)):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise DeclarationError(f"FormMediator needs a Form class, got {form!r}")
        super().__init__(form, mark, callable, app_check)
        self._definition = form_definition(form, self._done)


class PatchMediator(RequestMediator):
    """Carries each patch out once: the changed domain documents and the mark are one commit.

    Args:
        patch: the patch's class.
        mark: the field that marks a patch; see `FormMediator`.
        callable: whether it can be submitted over HTTP as well, by the function `onto_request`.
        app_check: whether such a call needs a valid App Check token.

    Example: `PatchMediator(MeetingSessionPatch)`

    Raises:
        DeclarationError: `patch` is no patch, or its mark does not fit.
    """

    @renamed_arguments(done="mark")
    def __init__(
        self,
        patch: type[Patch[Any]],
        *,
        mark: str | None = PROCESSED,
        callable: bool = False,
        app_check: bool = False,
    ) -> None:
        if not (isinstance(patch, type) and issubclass(patch, Patch)):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise DeclarationError(f"PatchMediator needs a Patch class, got {patch!r}")
        super().__init__(patch, mark, callable, app_check)
        self._definition = patch_definition(patch, self._done)
