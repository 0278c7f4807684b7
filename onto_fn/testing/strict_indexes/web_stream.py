"""Rewrite what a server sends in a stream of the Web SDK (WebChannel).

The stream is a sequence of frames: the length of a text in UTF-16 units, a line feed, and the text:
a JSON list of `[number, messages]`.
"""

from __future__ import annotations

import codecs
import json
from typing import Any, cast

_FAILED_PRECONDITION = 9


class WebStream:
    """The answers of one HTTP response.

    Args:
        refused: the refusals that the client of the session has not been told, by the ids of their
            targets. Those that are told are removed.
    """

    def __init__(self, refused: dict[int, str]) -> None:
        self.session: str | None = None
        """The id of the session that the response begins, once it has come."""
        self._refused = refused
        self._decoder = codecs.getincrementaldecoder("utf-8")("surrogatepass")
        self._text = ""

    def feed(self, content: bytes, *, is_end: bool = False) -> bytes:
        """What to pass on for a part of the response: its complete frames."""
        self._text += self._decoder.decode(content, is_end)
        passed: list[str] = []
        while (frame := self._frame()) is not None:
            passed.append(self._rewritten(frame))
        if is_end:
            passed.append(self._text)  # what is no frame, such as an error page
            self._text = ""
        return "".join(passed).encode("utf-8", "surrogatepass")

    def _frame(self) -> str | None:
        size, line_feed, rest = self._text.partition("\n")
        if not line_feed or not size.isdigit():
            return None
        count, end = int(size), 0
        for character in rest:
            if count <= 0:
                break
            count -= 2 if ord(character) > 0xFFFF else 1
            end += 1
        if count > 0:
            return None
        self._text = rest[end:]
        return rest[:end]

    def _rewritten(self, frame: str) -> str:
        content: Any = json.loads(frame)
        is_changed = False
        for item in content:
            messages: list[Any] = item[1]
            if messages[:1] == ["c"]:
                self.session = messages[1]
            for message in messages:
                if isinstance(message, dict):
                    is_changed |= self._refuse(cast("dict[str, Any]", message))
        return _framed(json.dumps(content) if is_changed else frame)

    def _refuse(self, message: dict[str, Any]) -> bool:
        """Change the first answer about a target into its refusal."""
        change: dict[str, Any] = message.get("targetChange", {})
        for target in change.get("targetIds", ()):
            if target in self._refused:
                refusal = self._refused.pop(target)
                message["targetChange"] = {
                    "targetChangeType": "REMOVE",
                    "targetIds": [target],
                    "cause": {"code": _FAILED_PRECONDITION, "message": refusal},
                }
                return True
        return False


def _framed(text: str) -> str:
    units = len(text.encode("utf-16-le", "surrogatepass")) // 2
    return f"{units}\n{text}"
