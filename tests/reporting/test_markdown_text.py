"""Names are text, whatever they hold."""

import pytest

from uss.reporting.markdown_text import code_block, escaped, in_code


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("Roaring cats (lions, tigers)", "Roaring cats (lions, tigers)"),
        ("mae_aligned_concat", "mae_aligned_concat"),
        ("9.10 (8.00 … 9.00)", "9.10 (8.00 … 9.00)"),
        ("<script>", "&lt;script&gt;"),
        ("R&B", "R&amp;B"),
        ("&lt;b&gt;", "&amp;lt;b&amp;gt;"),
        ("_a_", r"\_a\_"),
        ("**a** `b` ~~c~~", r"\*\*a\*\* \`b\` \~\~c\~\~"),
        ("![x](y)", r"\!\[x\](y)"),
        ("a|b\\", r"a\|b\\"),
        ("$x_1$", "&#36;x_1&#36;"),
        ("two\nlines\u2028three", "two lines three"),
    ],
)
def test_escaped(name, shown):
    assert escaped(name) == shown


def test_code_holds_backticks():
    assert in_code("exp/a") == "`exp/a`"
    assert in_code("a``b") == "``` a``b ```"
    assert code_block("a\n```\nb") == "````\na\n```\nb\n````"
