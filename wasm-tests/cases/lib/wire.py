"""Header lists: ordered, with repeats, in bytes."""

from __future__ import annotations

from typing import Any

from .values import Clock, edit, to_bytes, value

Headers = list[tuple[str, bytes]]


def headers(raw: list[Any], clock: Clock) -> Headers:
    """Pairs as a base states them."""
    return [(name, to_bytes(value(text, clock))) for name, text in raw]


def change(current: Headers, operations: list[dict[str, Any]], clock: Clock) -> Headers:
    """`{"add": [n, v]}` at the end, `{"set": [n, v]}`, `{"remove": n}`,
    `{"repeat": n}` once more at the end, `{"edit": [n, [edits]]}`.
    """
    result = list(current)
    for operation in operations:
        (name, argument), *more = operation.items()
        assert not more, f"one operation at a time: {operation}"
        match name, argument:
            case "add", [header, raw]:
                result.append((header, to_bytes(value(raw, clock))))
            case "set", [header, raw]:
                result[_place(result, header)] = (header, to_bytes(value(raw, clock)))
            case "edit", [header, edits]:
                place = _place(result, header)
                result[place] = (header, edit(result[place][1], edits, clock))
            case "remove", header:
                del result[_place(result, header)]
            case "repeat", header:
                result.append(result[_place(result, header)])
            case _:
                raise ValueError(f"no such operation: {operation}")
    return result


def _place(current: Headers, header: str) -> int:
    found = [i for i, (name, _) in enumerate(current) if name == header]
    assert len(found) == 1, f"{header} is present {len(found)} times"
    return found[0]


def first(current: Headers, header: str) -> bytes | None:
    """The value of the first header of this name."""
    return next((held for name, held in current if name == header), None)
