#!/usr/bin/env python3
"""Turns the recipes into concrete signed requests, in one JSON document.

    materialise.py [--now N] [--salt S] [--out FILE]    write (default: materialised.json here)
    materialise.py --check                              the committed file is what comes out

The same instant and salt always give the same bytes. Signatures come from `cryptography`,
transcripts and digests from the official SDK, verdicts from the contract: nothing here has seen
the code under test.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections import Counter
from pathlib import Path
from typing import Any

from lib import bundles, case, keys
from lib.recipe import ROOT, documents, recipes, strict
from lib.values import Clock

COMMITTED = ROOT / "materialised.json"
COMMITTED_NOW = 1750000000


def build(clock: Clock) -> dict[str, Any]:
    """Every profile and every case at this instant."""
    sources = documents()
    bases = strict(ROOT / "bases.json")
    found = recipes()
    profiles = {}
    for name, profile in sources["profiles"].items():
        try:
            profiles[name] = bundles.configuration(profile, sources, clock)
        except (AssertionError, ValueError, KeyError) as problem:
            raise SystemExit(f"profile {name}: {problem}") from problem
    cases = []
    for topic, name, recipe in found:
        try:
            cases.append(case.materialise(name, topic, recipe, bases, clock))
        except (AssertionError, ValueError, KeyError) as problem:
            raise SystemExit(f"{topic}/{name}: {problem!r}") from problem
    unused = set(profiles) - {made["profile"] for made in cases}
    assert not unused, f"profiles without a case: {sorted(unused)}"
    return {
        "comment": "Made by materialise.py; do not edit.",
        "now": clock.now,
        "count": len(cases),
        "keys": keys.used(),
        "profiles": profiles,
        "cases": cases,
    }


def text(document: dict[str, Any]) -> str:
    """One line for every key, profile and case: small, and differences stay readable."""

    def compact(value: Any) -> str:
        return json.dumps(value, ensure_ascii=False, separators=(",", ":"))

    def block(value: Any) -> str:
        if isinstance(value, dict):
            lines = [f"{compact(name)}:{compact(item)}" for name, item in value.items()]
            return "{\n" + ",\n".join(lines) + "\n}"
        return "[\n" + ",\n".join(compact(item) for item in value) + "\n]"

    parts = [
        f"{compact(name)}:{block(value) if isinstance(value, (dict, list)) else compact(value)}"
        for name, value in document.items()
    ]
    return "{\n" + ",\n".join(parts) + "\n}\n"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--now", type=int, default=COMMITTED_NOW, help="unix seconds")
    parser.add_argument("--salt", default="", help="keeps the replay ids of two runs apart")
    parser.add_argument("--out", type=Path, default=COMMITTED)
    parser.add_argument("--check", action="store_true", help="compare with the committed file")
    arguments = parser.parse_args()
    if arguments.check:
        fresh = text(build(Clock(COMMITTED_NOW)))
        if fresh != COMMITTED.read_text(encoding="utf-8"):
            print(f"{COMMITTED.name} is not what the recipes make: run materialise.py", file=sys.stderr)
            return 1
        print(f"{COMMITTED.name} is current")
        return 0
    document = build(Clock(arguments.now, arguments.salt))
    arguments.out.write_text(text(document), encoding="utf-8")
    topics = Counter(made["topic"] for made in document["cases"])
    for topic, count in sorted(topics.items()):
        print(f"{count:5} {topic}")
    print(f"{document['count']:5} cases in {len(document['profiles'])} profiles")
    return 0


if __name__ == "__main__":
    sys.exit(main())
