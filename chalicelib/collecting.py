"""Pauses the garbage collector while the app is imported, and lets it pass over what was imported from then on.

Importing makes some hundred thousand objects that all stay: looking through them for garbage again and again finds
none, and takes a tenth of a cold start. ``app.py`` imports this before everything else of ours.
"""

from __future__ import annotations

import gc

gc.disable()


def resume() -> None:
    """Collects again, leaving out all that is there by now."""
    gc.freeze()
    gc.enable()
