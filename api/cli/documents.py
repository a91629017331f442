"""`kroniek documents`: the GraphQL documents that organisations may ask for by their hash."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from graphql import GraphQLError, parse, validate

from api.cli.common import settings_of
from api.cli.output import CommandError, Exit, Output, add_actions, ending_as
from api.graph.protocol.schema import GRAPHQL_SCHEMA
from api.graph.protocol.trusted import EVERYBODY, SUFFIX, hash_of, is_folder, is_hash
from domain.kernel import MalformedValue
from domain.kernel.json_text import check_no_byte_order_mark


def add_options(parser: argparse.ArgumentParser) -> None:
    actions = {
        "add": ("put documents on a list, and print their hashes", _add),
        "remove": ("take documents off a list", _remove),
        "list": ("print the hashes of a list", _list),
    }
    parsers = add_actions(parser, actions)
    parsers["add"].add_argument("files", nargs="+", type=Path, metavar="FILE", help="a file with one GraphQL document")
    parsers["remove"].add_argument("hashes", nargs="+", metavar="HASH", help="the SHA-256 of a document")
    for action in parsers.values():
        action.add_argument("--organisation", metavar="ID", help="whose list it is; without, the list of everybody")


def _list(options: argparse.Namespace, output: Output) -> None:
    owner, folder = _owner_and_folder(options)
    _show(owner, sorted(path.stem for path in folder.glob("*.graphql")), output)


def _add(options: argparse.Namespace, output: Output) -> None:
    owner, folder = _owner_and_folder(options)
    _show(owner, [_keep(folder, path) for path in options.files], output)


def _remove(options: argparse.Namespace, output: Output) -> None:
    owner, folder = _owner_and_folder(options)
    if not all(map(is_hash, options.hashes)):
        raise CommandError(Exit.WRONG_USAGE, "A document is named by its SHA-256 in 64 hexadecimal digits.")
    paths = [folder / f"{document_hash}{SUFFIX}" for document_hash in options.hashes]
    if not all(path.exists() for path in paths):
        raise CommandError(Exit.NOT_FOUND, "A document of this hash is not on the list.")
    for path in paths:
        path.unlink(missing_ok=True)
    _show(owner, options.hashes, output)


def _owner_and_folder(options: argparse.Namespace) -> tuple[str, Path]:
    owner = options.organisation or EVERYBODY
    if not is_folder(owner):
        raise CommandError(Exit.WRONG_USAGE, "This is no id of an organisation.")
    return owner, settings_of().documents_folder / owner


def _show(owner: str, hashes: Sequence[str], output: Output) -> None:
    output.result({"organisation": owner, "documents": hashes}, "\n".join(hashes))


def _keep(folder: Path, path: Path) -> str:
    """Write a document whole or not at all; return its hash."""
    with (
        ending_as(Exit.NOT_FOUND, OSError, lambda error: f"{path} cannot be read: {error.strerror}."),
        ending_as(Exit.WRONG_USAGE, UnicodeDecodeError, lambda _error: f"{path} cannot be read as text."),
        ending_as(Exit.WRONG_USAGE, GraphQLError, lambda error: f"{path}: {error.message}"),
        ending_as(Exit.WRONG_USAGE, MalformedValue, lambda error: f"{path}: {error.sentence}"),
    ):
        content = path.read_bytes()
        check_no_byte_order_mark(content)
        text = content.decode()
        for error in validate(GRAPHQL_SCHEMA, parse(text)):
            raise error
    folder.mkdir(parents=True, exist_ok=True)
    document_hash = hash_of(text)
    beside = folder / f".{document_hash}"
    beside.write_bytes(text.encode())
    beside.replace(folder / f"{document_hash}{SUFFIX}")
    return document_hash
