"""`kroniek documents`: the GraphQL documents that organisations may ask for by their hash."""

from __future__ import annotations

import argparse
from pathlib import Path

from api.cli.output import CommandError, Exit, Output


def add_options(parser: argparse.ArgumentParser) -> None:
    acts = parser.add_subparsers(dest="act", required=True, metavar="ACT")
    add = acts.add_parser("add", help="put documents on a list, and print their hashes")
    add.add_argument("files", nargs="+", type=Path, metavar="FILE", help="a file with one GraphQL document")
    remove = acts.add_parser("remove", help="take documents off a list")
    remove.add_argument("hashes", nargs="+", metavar="HASH", help="the SHA-256 of a document")
    listed = acts.add_parser("list", help="print the hashes of a list")
    for act in (add, remove, listed):
        act.add_argument("--organisation", metavar="ID", help="whose list it is; without, the list of everybody")


def run(options: argparse.Namespace, output: Output) -> None:
    from api.cli.common import settings_of
    from api.graph.protocol.trusted import EVERYBODY, is_folder

    owner = options.organisation or EVERYBODY
    if not is_folder(owner):
        raise CommandError(Exit.WRONG_USAGE, "This is no id of an organisation.")
    folder = settings_of().documents_folder / owner
    match options.act:
        case "add":
            found = [_add(folder, path) for path in options.files]
        case "remove":
            found = [_remove(folder, given) for given in options.hashes]
        case _:
            found = sorted(path.stem for path in folder.glob("*.graphql"))
    output.result({"organisation": owner, "documents": found}, "\n".join(found))


def _add(folder: Path, path: Path) -> str:
    """Write a document whole or not at all; return its hash."""
    from graphql import GraphQLError, parse, validate

    from api.graph.protocol.schema import GRAPHQL_SCHEMA
    from api.graph.protocol.trusted import SUFFIX, hash_of

    try:
        text = path.read_bytes().decode()
        errors = validate(GRAPHQL_SCHEMA, parse(text))
    except (OSError, UnicodeDecodeError) as error:
        raise CommandError(Exit.WRONG_USAGE, f"{path} cannot be read as text.") from error
    except GraphQLError as error:
        raise CommandError(Exit.WRONG_USAGE, f"{path}: {error.message}") from error
    if errors:
        raise CommandError(Exit.WRONG_USAGE, f"{path}: {errors[0].message}")
    folder.mkdir(parents=True, exist_ok=True)
    document_hash = hash_of(text)
    beside = folder / f".{document_hash}"
    beside.write_bytes(text.encode())
    beside.replace(folder / f"{document_hash}{SUFFIX}")
    return document_hash


def _remove(folder: Path, document_hash: str) -> str:
    from api.graph.protocol.trusted import SUFFIX, is_hash

    if not is_hash(document_hash):
        raise CommandError(Exit.WRONG_USAGE, "A document is named by its SHA-256 in 64 hexadecimal digits.")
    (folder / f"{document_hash}{SUFFIX}").unlink(missing_ok=True)
    return document_hash
