"""The app that chaos runs: references, queries, many events on one view, views of views.

Most views are of one snapshot, some are eventual.
"""

import logging
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[3] / "functions"))

from company import CompanySummary, DivisionSummary, TeamSummary
from eventual import MeetingPage, TeamRoster
from meeting_room.views import MeetingSession, UserView
from polls import PollResults

from onto_fn import App, ViewMediator

# The outcome of each event goes to the worker's log, where chaos counts them.
logging.basicConfig(format="%(message)s", level=logging.WARNING)
logging.getLogger("onto_fn").setLevel(logging.DEBUG)

SNAPSHOT = (MeetingSession, UserView, PollResults, TeamSummary, DivisionSummary, CompanySummary)
EVENTUAL = (MeetingPage, TeamRoster)

app = App([ViewMediator(view) for view in (*SNAPSHOT, *EVENTUAL)])
app.export(globals())
