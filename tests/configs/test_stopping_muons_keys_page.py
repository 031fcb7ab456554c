"""The table of keys names every key with its section and its default."""

from __future__ import annotations

import json
import re
from pathlib import Path

from configs.reference_layout import MOVED, SECTIONS
from configs.schema import StoppingMuonsConfig

PAGE = Path(__file__).resolve().parents[2] / "docs" / "stopping_muons_keys.md"
ROW = re.compile(r"^\| (\w+) \| `(\w+)` \| (?:`(.*?)`|required) \| (.+) \|$", re.MULTILINE)


def test_every_key_with_its_default() -> None:
    rows = {(section, key): default for section, key, default, _ in ROW.findall(PAGE.read_text(encoding="utf-8"))}
    defaults = {
        (section, key): json.dumps(json.loads(model().model_dump_json())[key]) for section, model in SECTIONS.items() for key in model.model_fields
    }
    for key, (section, target) in MOVED.items():
        field = StoppingMuonsConfig.model_fields[str(target[0])]
        defaults[section, key] = "" if field.is_required() else json.dumps(field.default)
    assert rows == defaults
