"""Patches: what a user may ask to have changed."""

from typing import Annotated

from pydantic import Field

from meeting_room.views import MeetingSession, UserView
from onto_fn import Patch
from onto_fn.access import owner


class MeetingSessionPatch(
    Patch[MeetingSession],
    path="users/{user_id}/MeetingSession_PATCH/{patch_id}",
    target="target_meeting_id",
    create=owner("user_id"),
):
    """Closes a meeting that the user is in, or opens it again."""

    in_session: bool


class UserViewPatch(
    Patch[UserView], path="users/{user_id}/UserView_PATCH/{patch_id}", create=owner("user_id")
):
    """Changes the user's name."""

    last_name: Annotated[str, Field(min_length=1, max_length=100)]
