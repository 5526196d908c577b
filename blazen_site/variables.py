"""Reads environment variables that are numbers or yes/no, and checks them.

A value that is not allowed stops the start. The error has the variable's name, its value and the
allowed values. Otherwise the value would cause an error later that does not name the variable.
"""

from math import isfinite

from django.core.exceptions import ImproperlyConfigured
from environ import Env

YES, NO = ("1", "true", "yes", "on", "y", "ok"), ("0", "false", "no", "off", "n")


def whole(env: Env, name: str, default: int, least: int, most: int | None = None) -> int:
    """Return the whole number that variable `name` gives, or `default` if it is unset or empty.

    Raise ImproperlyConfigured with name, value and bounds for anything else.
    """
    given: str = env.str(name, default="").strip()
    try:
        value = int(given) if given else default
    except ValueError:
        value = least - 1
    if value < least or (most is not None and value > most):
        raise refusal(name, given, f"a whole number {_bounds(least, most)}")
    return value


def seconds(env: Env, name: str, default: float, least: float, most: float | None = None) -> float:
    """Return the seconds that variable `name` gives, or `default` if it is unset or empty.

    Raise ImproperlyConfigured with name, value and bounds for anything else.
    """
    given: str = env.str(name, default="").strip()
    try:
        value = float(given) if given else default
    except ValueError:
        value = least - 1
    if not isfinite(value) or value < least or (most is not None and value > most):
        raise refusal(name, given, f"a number of seconds {_bounds(least, most)}")
    return value


def flag(env: Env, name: str, *, default: bool) -> bool:
    """Return True if variable `name` means yes, or `default` if it is unset or empty."""
    given: str = env.str(name, default="").strip()
    if given and given.lower() not in YES + NO:
        raise refusal(name, given, "1 (or true, yes, on) or 0 (or false, no, off)")
    return given.lower() in YES if given else default


def _bounds(least: float, most: float | None) -> str:
    return f"of at least {least:.12g}" if most is None else f"from {least:.12g} to {most:.12g}"


def refusal(name: str, given: str, allowed: str) -> ImproperlyConfigured:
    """Return the error for a variable whose value is not allowed."""
    return ImproperlyConfigured(f"{name} is {given!r}. It has to be {allowed}.")
