"""Judges documents by the shipped schemas, with a validator that shares no code with what made them.

usage: judge.py FOLDER; a line of input is {"schema": NAME, "document": …}, a line of output is "ok" or the first
complaint.
"""

import json
import pathlib
import sys

from jsonschema import Draft202012Validator

validators = {}
for path in pathlib.Path(sys.argv[1]).glob("*.json"):
    schema = json.loads(path.read_text())
    Draft202012Validator.check_schema(schema)
    validators[path.stem] = Draft202012Validator(schema)

for line in sys.stdin:
    case = json.loads(line)
    complaint = next(validators[case["schema"]].iter_errors(case["document"]), None)
    print("ok" if complaint is None else f"{complaint.json_path}: {complaint.message!r:.200}")
