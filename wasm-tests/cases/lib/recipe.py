"""Reading the recipes: one file, one case, one mutation."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
NOT_TOPICS = {"bundles", "lib", "model", "__pycache__"}


def strict(path: Path) -> Any:
    """JSON without repeated members: a recipe that says two things says neither."""

    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        names = [name for name, _ in pairs]
        assert len(set(names)) == len(names), f"{path}: repeated member among {names}"
        return dict(pairs)

    return json.loads(path.read_text(encoding="utf-8"), object_pairs_hook=unique)


def documents() -> dict[str, Any]:
    """What the profiles are made from."""
    profiles = strict(ROOT / "profiles.json")
    return {
        "policy": strict(ROOT / "bundles" / "policy.json"),
        "trust": strict(ROOT / "bundles" / "trust.json"),
        "config": profiles["config"],
        "profiles": profiles["profiles"],
    }


def recipes() -> list[tuple[str, str, dict[str, Any]]]:
    """Every recipe as (topic, name, content), sorted; no name stands twice."""
    paths = sorted(path for path in ROOT.glob("*/*.json") if path.parent.name not in NOT_TOPICS)
    names = [path.stem for path in paths]
    repeated = {name for name in names if names.count(name) > 1}
    assert not repeated, f"case names must be unique: {sorted(repeated)}"
    return [(path.parent.name, path.stem, strict(path)) for path in paths]
