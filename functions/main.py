"""The meeting room: a screen for each user, kept up to date from five collections."""

from meeting_room.patches import MeetingSessionPatch, UserViewPatch
from meeting_room.views import MeetingSession, UserView

from onto_fn import App

app = App(
    [
        MeetingSession,
        UserView,
        MeetingSessionPatch,
        UserViewPatch,
    ],
    region="us-central1",
    memory=512,
    timeout_sec=60,
    concurrency=80,
    max_instances=20,
    admin_claim="admin",
)
app.export(globals())
