"""JSON as the contract reads it: no repeats, bounded depth, integers only, UTF-8 only."""

from __future__ import annotations

import json
from typing import Any


class Invalid(Exception):
    """Not what the contract accepts."""


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    names = [name for name, _ in pairs]
    if len(set(names)) != len(names):
        raise Invalid("repeated member")
    return dict(pairs)


def _refuse(text: str) -> Any:
    raise Invalid(f"not an integer: {text}")


def _depth(value: Any) -> int:
    if isinstance(value, dict):
        return 1 + max((_depth(item) for item in value.values()), default=0)
    if isinstance(value, list):
        return 1 + max((_depth(item) for item in value), default=0)
    return 0


def parse(data: bytes, max_depth: int) -> Any:
    """The value, or `Invalid`."""
    try:
        value = json.loads(
            data.decode("utf-8"),
            object_pairs_hook=_unique,
            parse_float=_refuse,
            parse_constant=_refuse,
        )
        json.dumps(value, ensure_ascii=False).encode("utf-8")
    except (ValueError, RecursionError) as problem:
        raise Invalid(str(problem)) from problem
    if _depth(value) > max_depth:
        raise Invalid("too deep")
    return value


def strings(value: Any) -> list[str]:
    """Every string at any depth, member names too."""
    if isinstance(value, str):
        return [value]
    if isinstance(value, list):
        return [text for item in value for text in strings(item)]
    if isinstance(value, dict):
        return [text for name, item in value.items() for text in [name, *strings(item)]]
    return []
