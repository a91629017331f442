"""JSON in which nothing is said twice, and that begins with JSON."""

from __future__ import annotations

import pytest

from domain.kernel import MalformedValue
from domain.kernel.json_text import check_json

TWICE = (
    *(
        b'{"a":1,"a":2}',
        b'{"a":1,"a":1}',
        b'{"a" : 1, "b": 2, "a" :2}',
        b'{"x":{"a":1,"a":2}}',
        b'[{"a":1},{"b":1,"b":1}]',
    ),
    *(b'{"a":1,"\\u0061":2}', b'{"":1,"":2}', '{"é":1,"\\u00e9":2}'.encode(), b'{"a":{"a":1},"a":2}'),
)
ONCE = (
    *(b"{}", b'{"a":{"a":1},"b":[{"a":1},{"a":1}]}', b'{"a":1,"A":2}', b'{"a":"b","b":"a"}'),
    # Whether it is JSON at all is for its reader to say.
    *(b"", b"{", b"\xff", b'{"a":1,}', b"[" * 100_000, b"7" * 10_000),
    # Letters that look alike, or that have two spellings, are two names.
    '{"e\u0301":1,"\u00e9":2}'.encode(),
)


@pytest.mark.parametrize("text", TWICE)
def test_what_is_said_twice_is_refused(text: bytes) -> None:
    with pytest.raises(MalformedValue) as refusal:
        check_json(text)
    assert refusal.value.code == "said-twice"


@pytest.mark.parametrize("text", ONCE, ids=range(len(ONCE)))
def test_what_is_said_once_passes(text: bytes) -> None:
    check_json(text)


@pytest.mark.parametrize("mark", [b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff"])
def test_a_byte_order_mark_is_told_as_what_it_is(mark: bytes) -> None:
    with pytest.raises(MalformedValue, match="byte order mark") as refusal:
        check_json(mark + b"{}")
    assert refusal.value.code == "byte-order-mark"
