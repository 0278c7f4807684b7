"""The app that chaos runs: references, queries, many events on one view, views of views.

Most views are of one snapshot, some are eventual. One reads an aggregate, one publishes its
documents, and a change that affects many documents is fanned out.
"""

import logging
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[3] / "functions"))

from broken import break_if_asked
from company import CompanySummary, DivisionSummary, TeamSummary
from eventual import MeetingPage, TeamRoster
from meeting_room.views import MeetingSession, UserView
from polls import PollResults, PollTally

from onto_fn import App, FanOut, TopicSink, ViewMediator

# The outcome of each event goes to the worker's log, where chaos counts them.
logging.basicConfig(format="%(message)s", level=logging.WARNING)
logging.getLogger("onto_fn").setLevel(logging.DEBUG)

break_if_asked()

SNAPSHOT = (MeetingSession, UserView, PollResults, PollTally, DivisionSummary, CompanySummary)
EVENTUAL = (MeetingPage, TeamRoster)

app = App(
    [
        *(ViewMediator(view) for view in (*SNAPSHOT, *EVENTUAL)),
        ViewMediator(TeamSummary, sends=[TopicSink("team-summaries")]),
    ],
    fan_out=FanOut(threshold=15, batch=6),
)
app.export(globals())
