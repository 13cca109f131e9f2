"""What stands before every function that has mutants: notes that it was reached, and calls the one that is chosen.

It takes the place of mutmut's own, whose bookkeeping takes longer than what it watches.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

MutantDict = dict[str, Callable[..., Any]]


class State:
    reached: set[str] | None = None
    """The functions reached since it was emptied; None where nobody asks."""
    mutant: str = ""
    """``module.function__mutmut_7``; empty: the original everywhere."""


def wrapped(mutants: MutantDict, is_classmethod: bool = False) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    def wrap(original: Callable[..., Any]) -> Callable[..., Any]:
        module = original.__module__
        names: list[str] = []

        @wraps(original)
        def call(*given: Any, **named: Any) -> Any:
            kept = mutants["_mutmut_orig"]
            if State.reached is not None:
                if not names:
                    names.append(f"{module}.{kept.__name__.rpartition('__mutmut_')[0]}")
                State.reached.add(names[0])
            if State.mutant and State.mutant.startswith(module):
                kept = mutants.get(State.mutant[len(module) + 1 :], kept)
            if is_classmethod:
                return getattr(given[0], kept.__name__)(*given[1:], **named)
            return kept(*given, **named)

        return call

    return wrap
