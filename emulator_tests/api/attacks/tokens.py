"""ID tokens as the Auth emulator makes them, which nobody has signed."""

from __future__ import annotations

import base64
import json
import time
from typing import Any


def unsigned(payload: object, header: object = None) -> str:
    """A token of this content, without a signature."""
    parts = [header or {"alg": "none", "typ": "JWT"}, payload]
    return ".".join([*(_part(part) for part in parts), ""])


def token_of(project: str, uid: str, /, **claims: Any) -> str:
    """The ID token of a user of a project."""
    return unsigned(claims_of(project, uid) | claims)


def claims_of(project: str, uid: str) -> dict[str, Any]:
    """What each ID token says."""
    now = int(time.time())
    return {
        "iss": f"https://securetoken.google.com/{project}",
        "aud": project,
        "auth_time": now,
        "user_id": uid,
        "sub": uid,
        "iat": now,
        "exp": now + 3600,
        "firebase": {"identities": {}, "sign_in_provider": "custom"},
    }


def now(seconds: int = 0) -> int:
    """Seconds since 1970, some seconds from now."""
    return int(time.time()) + seconds


def _part(content: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(content).encode()).decode().rstrip("=")
