"""The meeting room, streamed: the same views as in `functions/`, with an API beside Firestore."""

from meeting_room.patches import MeetingSessionPatch
from meeting_room.views import MeetingSession

from onto_fn import App
from onto_fn.api import Api, GraphQL, Rpc, Streams

app = App(
    [MeetingSession, MeetingSessionPatch],
    region="us-central1",
    memory=512,
    api=Api(
        views=[MeetingSession],
        requests=[MeetingSessionPatch],
        streams=Streams(timeout_sec=600),
        rpc=Rpc(),
        graphql=GraphQL("/graphql"),
        origins=["*"],  # of a page on the emulators; deployed, name the page's origin
    ),
)
app.export(globals())
