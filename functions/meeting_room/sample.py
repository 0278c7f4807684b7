"""Sample documents of the meeting room, for the demonstration and the tests."""

from typing import Any

from google.cloud.firestore import Client


def sources(client: Client) -> dict[str, dict[str, Any]]:
    """Three users, their tickets, a location and a meeting: content by document path."""
    ref = client.document
    return {
        "users/tijuana": {
            "firstName": "Tijuana",
            "lastName": "Furlong",
            "hearingAidRequested": True,
            "organization": "UCSD",
        },
        "users/thomasina": {
            "firstName": "Thomasina",
            "lastName": "Manes",
            "hearingAidRequested": False,
            "organization": "UCSD",
        },
        "users/joshua": {
            "firstName": "Joshua",
            "lastName": "Pendergrast",
            "hearingAidRequested": True,
            "organization": "SDSU",
        },
        "tickets/tj_t": {
            "role": "Participant",
            "user": ref("users/tijuana"),
            "attendance": True,
        },
        "tickets/ts_t": {
            "role": "Organizer",
            "user": ref("users/thomasina"),
            "attendance": True,
        },
        "tickets/js_t": {
            "role": "Participant",
            "user": ref("users/joshua"),
            "attendance": True,
        },
        "locations/L": {
            "latitude": 32.880361,
            "longitude": -117.242929,
            "address": "9500 Gilman Drive, La Jolla, CA",
        },
        "meetings/meeting_1": {
            "users": [ref("users/tijuana"), ref("users/thomasina"), ref("users/joshua")],
            "tickets": {
                "tijuana": ref("tickets/tj_t"),
                "thomasina": ref("tickets/ts_t"),
                "joshua": ref("tickets/js_t"),
            },
            "location": ref("locations/L"),
            "status": "in-session",
        },
    }
