"""Every key has its line."""

import tomllib
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from storage.site.toml_lines import key_lines


def paths_in(value: Any, path: tuple[str | int, ...] = ()) -> list[tuple[str | int, ...]]:
    items: Any = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [each for key, inner in items for each in ((*path, key), *paths_in(inner, (*path, key)))]


TRICKY = '''
"quoted key" = "a # no comment = 1"
literal.'dotted.key' = 'C:\\'
text = """
[not.a.header]
x = "1" \\""" still inside
"""
raw = \'\'\'
[[neither]]
\'\'\'
when = 1979-05-27 07:32:00Z # a date with a space
list = [ # a comment ]
  1, [2, "]"],
  { a = 1, b.c = [ { d = 2 } ] },
]
[ fruit . apple ]
colour = "red"
[[fruit.kinds]]
name = "x"
[fruit.kinds.more]
z = 1
[[fruit.kinds]]
name = "y"
[[fruit.kinds.seeds]]
n = 1
[[fruit.kinds.seeds]]
n = 2
'''


def test_every_key_of_a_tricky_text_has_its_line() -> None:
    lines = key_lines(TRICKY)
    assert set(paths_in(tomllib.loads(TRICKY))) == set(lines)
    written = TRICKY.splitlines()
    for path, key in {
        ("quoted key",): '"quoted key"',
        ("literal", "dotted.key"): "literal.",
        ("raw",): "raw =",
        ("list", 2, "b", "c", 0, "d"): "{ a = 1",
        ("fruit", "apple", "colour"): "colour",
        ("fruit", "kinds", 0, "more", "z"): "z = 1",
        ("fruit", "kinds", 1, "name"): 'name = "y"',
        ("fruit", "kinds", 1, "seeds", 1, "n"): "n = 2",
    }.items():
        assert written[lines[path] - 1].strip().startswith(key)


@given(st.text(alphabet="[]{}=\"'#,.\n ab1\\"))
def test_the_scanner_ends_on_any_text_and_agrees_with_tomllib_on_toml(text: str) -> None:
    lines = key_lines(text)
    assert all(1 <= line <= text.count("\n") + 1 for line in lines.values())
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        return
    assert set(paths_in(document)) == set(lines)
