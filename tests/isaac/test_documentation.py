# SPDX-License-Identifier: MIT
"""docs/isaac-sim.md says what the code says: its sentences, its settings, its files."""

import ast
import re

import pytest
from conftest import ROOT

from headcam.isaac import reasons, settings
from headcam.options import Option

PAGE = (ROOT / "docs" / "isaac-sim.md").read_text()
PACKAGE = ROOT / "capture_agent" / "headcam"
GAP = "..."


def sentences():
    """All texts of the package; what is put into them at run time is a gap."""
    yield reasons.explain(reasons.Facts(has_viewport=False))  # of which the subject is put in
    for path in [*sorted((PACKAGE / "isaac").glob("*.py")), PACKAGE / "link.py"]:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.JoinedStr):
                parts = [getattr(part, "value", GAP) for part in node.values]
                yield "".join(part if isinstance(part, str) else GAP for part in parts)
            elif isinstance(node, ast.Constant) and isinstance(node.value, str):
                yield re.sub(r"%[ds]", GAP, node.value)


def section(title):
    return PAGE.partition(f"## {title}\n")[2].partition("\n## ")[0]


def rows(text):
    """The cells of a table, without its head."""
    lines = [line for line in text.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line[1:-1].split("|")] for line in lines[2:]]


SEEN = [
    quoted
    for row in rows(section("You see, it means, do"))
    for quoted in re.findall("`(.+?)`", row[0])
]


@pytest.mark.parametrize("quoted", SEEN)
def test_a_sentence_that_one_may_see_is_one_that_the_code_says(quoted):
    pattern = ".*".join(re.escape(part.strip()) for part in quoted.split(GAP))
    assert any(re.search(pattern, said, re.DOTALL) for said in sentences())


def test_there_are_sentences():
    assert len(SEEN) > 15


def test_the_settings_are_those_of_the_table():
    found = rows(section("Settings").partition("`streams` is one of these")[0])
    wanted = []
    for kit_name, name, _, parse, default, variable in settings.TABLE:
        option = Option(name, "", "", parse, default, variable or f"HEADCAM_AGENT_{name.upper()}")
        wanted.append([kit_name, option.environment, name, default or ""])
    assert [[cell.strip("`") for cell in row[:4]] for row in found] == wanted


def test_links_lead_somewhere():
    links = re.findall(r"\]\(([^)#]+)\)", PAGE)
    assert links
    assert [link for link in links if not (ROOT / "docs" / link).exists()] == []
    titles = re.findall(r"^## (.+)$", PAGE, re.MULTILINE)
    anchors = {re.sub("[^a-z ]", "", title.lower()).replace(" ", "-") for title in titles}
    assert set(re.findall(r"\]\(#([^)]+)\)", PAGE)) <= anchors
