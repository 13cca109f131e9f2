"""Keyed hashes under the deployment's secret: what stands in keys instead of an email, a code or a card number.

And encryption under it, of the few things that must be read again.
"""

from __future__ import annotations

import hashlib
import hmac
from base64 import b32encode, urlsafe_b64encode

from chalicelib import settings

# Base32 letters to Crockford's, which leaves out what is misread on paper.
_CROCKFORD = str.maketrans("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567", "0123456789ABCDEFGHJKMNPQRSTVWXYZ")
_MISREAD = str.maketrans("OIL", "011", "- ")


def mac(purpose: str, *parts: str) -> str:
    """A keyed hash of 130 bits in 26 characters. Purposes never collide, and parts are told apart by their lengths."""
    return _digest(purpose, parts)[:26]


def _digest(purpose: str, parts: tuple[str, ...]) -> str:
    message = "".join(f"{len(part)}:{part}" for part in (purpose, *parts))
    digest = hmac.new(settings.secret(), message.encode(), hashlib.sha256).digest()
    return b32encode(digest).decode().translate(_CROCKFORD)


def voucher_code(program_id: str, origin: str) -> str:
    """The code of the voucher that a cause issued: 100 bits, so a retry makes the same one and nobody guesses it."""
    text = _digest("voucher", (program_id, origin))
    return "-".join(text[at : at + 5] for at in range(0, 20, 5))


def read_code(text: str) -> str:
    """A code as a person typed it: case, hyphens and spaces do not matter, nor O for 0 or I for 1."""
    return text.upper().translate(_MISREAD)


def voucher_mac(program_id: str, code: str) -> str:
    return mac("voucher-key", program_id, read_code(code))


def referral_code(program_id: str, member_id: str) -> str:
    """50 bits, short enough to tell a friend. Enrolment draws another member id should it be taken."""
    return _digest("referral", (program_id, member_id))[:10]


def card_code(program_id: str, member_id: str) -> str:
    """What the member's card or phone shows at the counter: 80 bits, letters and digits."""
    return _digest("card", (program_id, member_id))[:16]


def seal(purpose: str, program_id: str, plain: bytes) -> str:
    """Encrypted (AES-128-CBC with HMAC-SHA256: Fernet) under a key of that purpose and program alone."""
    from cryptography.fernet import Fernet  # slow to import, and only webhooks need it

    return Fernet(_sealing_key(purpose, program_id)).encrypt(plain).decode()


def unseal(purpose: str, program_id: str, sealed: str) -> bytes:
    """What ``seal`` was given. Raises ValueError where the deployment's secret, purpose or program is another."""
    from cryptography.fernet import Fernet, InvalidToken

    try:
        return Fernet(_sealing_key(purpose, program_id)).decrypt(sealed)
    except InvalidToken:
        raise ValueError(f"{purpose} cannot be read: they were sealed under another deployment secret") from None


def _sealing_key(purpose: str, program_id: str) -> bytes:
    message = f"seal:{len(purpose)}:{purpose}:{program_id}".encode()
    return urlsafe_b64encode(hmac.new(settings.secret(), message, hashlib.sha256).digest())


def invite_code(program_id: str, invite_id: str) -> str:
    """60 bits, short enough to print on a card: an invitation opens the door and holds no money."""
    text = _digest("invite", (program_id, invite_id))
    return f"{text[:4]}-{text[4:8]}-{text[8:12]}"
