"""Who calls: an API key or a member's short-lived token, read from the Authorization header."""

from __future__ import annotations

from datetime import datetime, timedelta

from chalicelib.actions.admission import Credential, digest_of, program_of, unauthorized
from chalicelib.domain.calendar import milliseconds
from chalicelib.store.sealing import mac

TOKEN_LIFE = timedelta(hours=1)
_AUDIENCE = "regulars-member"
_LONGEST = 1024


def credential_of(header: str | None, now: datetime) -> Credential:
    """The credential that an Authorization header shows, not yet looked up. Raises Refused ``unauthorized``."""
    scheme, _, text = (header or "").partition(" ")
    text = text.strip()
    if scheme.lower() != "bearer" or not text or len(text) > _LONGEST or not text.isascii():
        unauthorized()
    if text.count(".") == 2:
        return _of_token(text, now)
    program_id = program_of(text)
    if program_id is None:
        unauthorized()
    return Credential(program_id=program_id, digest=digest_of(text), asked_ms=milliseconds(now))


def member_token(program_id: str, member_id: str, now: datetime, session_id: str) -> tuple[str, datetime]:
    """A token for one member, and when it ends."""
    import jwt  # only sessions and members' own calls need it

    expires_at = (now + TOKEN_LIFE).replace(microsecond=0)
    claims = {
        "aud": _AUDIENCE,
        "iss": program_id,
        "sub": member_id,
        "jti": session_id,
        "iat": milliseconds(now) // 1000,
        "ims": milliseconds(now),
        "exp": milliseconds(expires_at) // 1000,
    }
    return jwt.encode(claims, _key(), algorithm="HS256"), expires_at


def _of_token(text: str, now: datetime) -> Credential:
    import jwt

    try:
        claims = jwt.decode(
            text,
            _key(),
            algorithms=["HS256"],
            audience=_AUDIENCE,
            # The time is an argument here, not the library's own clock.
            options={"require": ["exp", "iss", "sub", "jti", "ims"], "verify_exp": False, "verify_iat": False},
        )
    except jwt.PyJWTError:
        unauthorized()
    numbers = claims["exp"], claims["ims"]
    if not all(isinstance(one, int) for one in numbers) or claims["exp"] * 1000 <= milliseconds(now):
        unauthorized()
    return Credential(
        program_id=str(claims["iss"]),
        member_id=str(claims["sub"]),
        session_id=str(claims["jti"]),
        issued_ms=claims["ims"],
    )


def _key() -> bytes:
    return mac("member-token").encode() + mac("member-token", "2").encode()
