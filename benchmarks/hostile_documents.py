"""Documents that somebody sends to make the server work, each with the code by which it has to be refused."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

LISTS = (
    "organisations",
    "enrolments",
    "services",
    "serviceFamilies",
    "people",
    "keys",
    "mandates",
    "consents",
    "mailboxes",
    "messages",
    "missedLetters",
    "busTransactions",
    "invoices",
)
ROUND = """
    { organisations { edges { node { ...A } } } }
    fragment A on Organisation { services { organisation { ...B } } }
    fragment B on Organisation { services { id } }
"""
RELATIONS = """{
    services(first: 100) {
        edges { node { organisation { services { id name(language: NL) } enrolments { role } } } }
    }
    organisations(first: 100) {
        edges { node { services { organisation { level } } enrolments { role } } }
    }
}"""


def _joined(parts: Iterable[str]) -> str:
    return " ".join(parts)


def _fragments(count: int, body: str) -> str:
    return _joined(f"fragment f{at} on Query {{ {body} }}" for at in range(count))


def _spreads(count: int) -> str:
    return "{ " + _joined(f"...f{at}" for at in range(count)) + " }"


def _bomb(levels: int) -> str:
    """Twice the next fragment in each: two to the power of `levels` fields, written out."""
    steps = _joined(f"fragment f{at} on Query {{ ...f{at + 1} ...f{at + 1} }}" for at in range(levels))
    return f"{{ ...f0 }} {steps} fragment f{levels} on Query {{ __typename }}"


def _nested_aliases() -> str:
    inner = _joined(f"a{at}: node {{ id }}" for at in range(8))
    return f"{{ b: organisations {{ edges {{ {inner} }} }} c: organisations {{ edges {{ {inner} }} }} }}"


HOSTILE: Mapping[str, tuple[str, str]] = {
    "deep fields": (
        "{ organisations { edges { node { services { organisation { services { id } } } } } } }",
        "query-too-deep",
    ),
    "deep brackets": ("{a" * 300 + "}" * 300, "query-too-deep"),
    "deep inline fragments": ("{" + "... {" * 150 + "__typename" + "}" * 151, "query-too-deep"),
    "deep lists": ("{ organisation(id: " + "[" * 400 + "]" * 400 + ") { id } }", "query-too-deep"),
    "deep through fragments": (
        ROUND,
        "query-too-deep",
    ),
    "alias bomb": ("{ " + _joined(f"a{at}: __typename" for at in range(240)) + " }", "too-many-aliases"),
    "nested aliases": (_nested_aliases(), "too-many-aliases"),
    "aliases through a fragment": (
        _spreads(1) + _fragments(1, _joined(f"a{at}: __typename" for at in range(16))),
        "too-many-aliases",
    ),
    "fragment bomb": (_bomb(25), "too-many-repeats"),
    "many fragments": (_spreads(90) + _fragments(90, "__typename"), "too-many-definitions"),
    "wide fragments": (
        _spreads(12) + _fragments(12, _joined(f"{name} {{ totalCount }}" for name in LISTS)),
        "too-many-repeats",
    ),
    "fragment of itself": ("{ ...f0 } fragment f0 on Query { __typename ...f0 }", "graphql-invalid"),
    "fragment cycle": (
        "{ ...f0 } fragment f0 on Query { ...f1 } fragment f1 on Query { ...f2 } fragment f2 on Query { ...f0 }",
        "graphql-invalid",
    ),
    "directive overload": ("{ __typename " + "@skip(if: false) " * 120 + "}", "too-many-directives"),
    "directives through fragments": (
        "{ " + "...f0 " * 10 + "}" + _fragments(1, "__typename " + "@include(if: true) " * 6),
        "too-many-directives",
    ),
    "unknown directives": ("{ __typename " + "@a " * 400 + "}", "too-many-directives"),
    "huge argument list": (
        "{ organisations(" + _joined(f"a{at}: {at}" for at in range(300)) + ") { totalCount } }",
        "too-many-arguments",
    ),
    "huge input object": (
        "{ organisations(where: {" + _joined(f"a{at}: {at}" for at in range(300)) + "}) { totalCount } }",
        "too-many-arguments",
    ),
    "huge list": (
        "{ organisations(where: {level: [" + _joined(f"L{at}" for at in range(900)) + "]}) { totalCount } }",
        "too-many-arguments",
    ),
    "many variables": (
        "query(" + _joined(f"$v{at}: Int" for at in range(200)) + ") { __typename }",
        "too-many-definitions",
    ),
    "many operations": (_joined(f"query q{at} {{ __typename }}" for at in range(150)), "too-many-definitions"),
    "token flood": ("{ " + "__typename " * 1_500 + "}", "too-many-tokens"),
    "brackets without end": ("{" * 1_500, "too-many-tokens"),
    "comment flood": ("{ __typename }" + "#" * 100_000, "too-many-tokens"),
    "comma flood": ("{ __typename " + "," * 100_000 + "}", "too-many-tokens"),
    "one field for ever": ("{ " + "__typename " * 990 + "}", "too-many-repeats"),
    "unknown fields": ("{ " + _joined(f"field{at}" for at in range(990)) + " }", "graphql-invalid"),
    "nearly known fields": (
        "{ " + _joined(f"organisation{at} {{ id }}" for at in range(240)) + " }",
        "graphql-invalid",
    ),
    "quotes without end": ('{ a(b: "' + "x" * 5_000, "graphql-syntax"),
    "wide introspection": (
        "{ " + _joined(f"a{at}: __schema {{ types {{ name fields {{ name }} }} }}" for at in range(10)) + " }",
        "query-too-costly",
    ),
    "introspection in rounds": (
        "{ __schema { types { fields { type { fields { type { fields { name } } } } } } } }",
        "introspection-too-deep",
    ),
    "introspection without end": (
        "{ __schema { types " + "{ ofType " * 20 + "{ name }" + " }" * 20 + " } }",
        "introspection-too-deep",
    ),
    "circular relations": (
        RELATIONS,
        "query-too-costly",
    ),
    "large pages beside each other": (
        "{ "
        + _joined(
            f"{name}(first: 100) {{ edges {{ node {{ __typename timeline {{ happening }} }} }} }}"
            for name in ("messages", "missedLetters")
        )
        + _joined(
            f" a{at}: messages(last: 100) {{ edges {{ node {{ timeline {{ happening }} }} }} }}" for at in range(4)
        )
        + " }",
        "query-too-costly",
    ),
    "a page by a variable's default": (
        "query($n: Int = 100) { "
        + _joined(
            f"a{at}: organisations(first: $n) {{ edges {{ node {{ services {{ organisation {{ id }} }} }} }} }}"
            for at in range(3)
        )
        + " }",
        "query-too-costly",
    ),
}
"""By what is done: the document, and the first of the codes that it is answered with."""
