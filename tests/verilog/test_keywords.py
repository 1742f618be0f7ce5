import pytest

from tcugen.verilog.keywords import KEYWORDS, Namespace, plain, snake_case


@pytest.mark.parametrize(
    "name, expected",
    [("units", "units_"), ("reg", "reg_"), ("a.b", "a_b"), ("a__b_", "a_b"), ("3d", "value_3d"), ("$", "value")],
)
def test_names_are_identifiers_and_no_keywords(name, expected):
    assert plain(name) == expected


def test_keywords_of_all_three_languages_are_known():
    assert {"always", "logic", "units", "potential", "abs"} <= KEYWORDS


def test_a_name_is_given_once():
    namespace = Namespace()
    namespace.reserve("valid")
    assert [namespace.take("valid"), namespace.take("valid"), namespace.take("ready")] == [
        "valid_2",
        "valid_3",
        "ready",
    ]
    with pytest.raises(ValueError, match="the name ready is taken, but a port needs it"):
        namespace.reserve("ready")


def test_classes_as_words():
    assert [snake_case(name) for name in ("ErrorCode", "Top", "state", "StreamQueue")] == [
        "error_code",
        "top",
        "state",
        "stream_queue",
    ]
