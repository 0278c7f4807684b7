"""The names that Pub/Sub allows for topics."""

from __future__ import annotations

import re

_TOPIC = re.compile(r"(?!goog)[A-Za-z][A-Za-z0-9._~+%-]{2,254}", re.ASCII)
TOPIC_RULE = (
    "An id has 3 to 255 characters: letters, digits and -._~+%. It begins with a letter, and not "
    "with 'goog'"
)


def is_topic(name: str) -> bool:
    """Whether a topic may have this id."""
    return _TOPIC.fullmatch(name) is not None
