"""The meeting room: a screen for each user, kept up to date from five collections."""

from meeting_room.views import MeetingSession, UserView

from onto_fn import App, ViewMediator

app = App(
    [ViewMediator(MeetingSession), ViewMediator(UserView)],
    region="us-central1",
    memory=512,
    timeout=60,
    concurrency=80,
    max_instances=20,
    admin_claim="admin",
)
app.export(globals())
