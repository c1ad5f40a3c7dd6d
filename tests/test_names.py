"""Names of behaviours that nobody can tell apart are one, and those that tables cannot hold are told."""

import pytest

from amc.base.errors import AmcError
from amc.datasets import names
from amc.datasets.table import Clip, ClipTable


@pytest.mark.parametrize(
    "written",
    [
        "re\u0301st on land",
        "r\u00e9st  on\tland ",
        "r\u00e9st on\u200b land",
        "\ufeffr\u00e9st\u00a0on land",
        "r\u00e9st\non land",
    ],
)
def test_a_name_is_kept_composed_with_single_blanks_and_nothing_invisible(written):
    assert names.clean(written) == "r\u00e9st on land"


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Walk", "walk"),
        ("a\u00a0b", "a  b"),
        ("\uff57alk", "walk"),
        ("don\u2019t", "don't"),
        ("a &amp; b", "A & b"),
        ("\ufb01ght", "fight"),
    ],
)
def test_what_the_text_tower_reads_alike_has_one_key_and_is_refused_twice_in_a_table(one, other):
    assert names.key(one) == names.key(other)
    with pytest.raises(AmcError, match="own: .* are the same behaviour; keep one of them"):
        ClipTable("own", (one, "x", other), (Clip("c", "c.mp4", (0,), "train"),))


def test_the_key_is_what_the_text_tower_s_own_tokenizer_makes_of_a_name():
    from amc.model import text

    tokenizer = text.open_clip.SimpleTokenizer()
    pairs = [
        ("Walk", "walk"),
        ("a\u00a0b", "a  b"),
        ("\uff57alk", "walk"),
        ("don\u2019t", "don't"),
        ("a &amp; b", "a & b"),
    ]
    for one, other in pairs:
        first, second = tokenizer([one, other])
        assert first.equal(second)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("background", "a column of the tables"),
        ("Frame", "a column of the tables"),
        ("prob walk", "a column of the tables"),
        ("grazing, slow", "holds a comma"),
        ('walk"', "holds a quote"),
        ("\u200b ", "has no letters"),
    ],
)
def test_a_name_that_tables_cannot_hold_is_told(name, message):
    with pytest.raises(AmcError, match=message):
        names.check(["run", name], "own")
