"""Which providers there are, and the one place that imports them: each only when its own webhook is called."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from importlib import import_module
from typing import Protocol, cast

from chalicelib.domain.errors import Refused
from chalicelib.payments.facts import Fact

_MODULES = {
    "shopify": "chalicelib.payments.shopify",
    "square": "chalicelib.payments.square",
    "standard": "chalicelib.payments.standard",
    "stripe": "chalicelib.payments.stripe",
}


class Provider(Protocol):
    """What a provider's file offers. Both functions are pure: no clock, no network, nothing kept."""

    KEPT_HEADERS: tuple[str, ...]
    """Headers (lower case) that ``translate`` reads: whoever keeps a body to translate it later keeps these too."""

    def verify(self, raw: bytes, headers: Mapping[str, str], secrets: Sequence[str], now: datetime, url: str) -> None:
        """Raise ``Refused`` (bad_signature) unless one of ``secrets`` signed exactly these bytes.

        ``headers`` have lower-case names; ``url`` is the address that the provider was given. Never parses the body.
        """

    def translate(self, raw: bytes, headers: Mapping[str, str], settings: Mapping[str, object]) -> list[Fact]:
        """At least one fact, whatever the body holds; call it for verified bodies only. Raises nothing."""


def providers() -> list[str]:
    return sorted(_MODULES)


def provider(name: str) -> Provider:
    """The provider of this name. Raises ``Refused`` (provider_not_found)."""
    module = _MODULES.get(name)
    if module is None:
        known = ", ".join(providers())
        raise Refused("provider_not_found", f"There is no payment provider of this name. Those known are {known}.")
    return cast(Provider, import_module(module))
