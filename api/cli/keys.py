"""`kroniek keys`: the key-encryption keys; making a new one current, wrapping all keys with it, retiring old ones.

And the index in which people are found by their numbers, which lies beside the keys.
"""

from __future__ import annotations

import argparse
import asyncio
from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from api.cli.output import CommandError, Exit, Output, add_action, table

if TYPE_CHECKING:
    from infrastructure.database import Addresses
    from infrastructure.keys.keks import Counts, Kek
    from infrastructure.settings import Settings

ACTIONS = {
    "list": "list the key-encryption keys and how many keys each wraps; count the keys",
    "rotate": "make a new key-encryption key current and wrap all keys with it, while the platform runs",
    "retire": "destroy a key-encryption key that wraps nothing any more",
    "index": "add whoever is missing to the index in which people are found by their numbers, while the platform runs",
}


def add_options(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    for name, about in ACTIONS.items():
        action = add_action(actions, name, about)
        if name == "retire":
            action.add_argument("kek", metavar="KEK", help="the name that `list` gives it")


def run(options: argparse.Namespace, output: Output) -> None:
    from api.cli.common import database, settings_of
    from infrastructure.keys import KeyBrokenError, KeysUnavailableError

    settings = settings_of()
    with database(settings) as addresses:
        try:
            if options.action == "index":
                asyncio.run(_index(settings, addresses, output))
                return
            keks, counts = asyncio.run(_act(options, settings, addresses.keys, output))
        except KeysUnavailableError as error:
            raise CommandError(Exit.FAILED, f"The key-encryption keys cannot be used: {error}.") from error
        except KeyBrokenError as error:
            raise CommandError(Exit.FAILED, f"The keys are damaged: {error}.") from error
    shown = {"keks": [asdict(kek) for kek in keks], "keys": asdict(counts)}
    output.result(shown, _text(keks, counts))


async def _act(
    options: argparse.Namespace, settings: Settings, url: str, output: Output
) -> tuple[Sequence[Kek], Counts]:
    """Do what was asked for; return how things are then."""
    import psycopg

    from infrastructure.keys.keks import KekRefusedError, count_keys, list_keks, retire, rotate
    from infrastructure.keys.providers import make_provider

    provider = make_provider(settings)
    async with await psycopg.AsyncConnection[Any].connect(url, autocommit=True) as connection:
        try:
            if options.action == "rotate":
                await rotate(connection, provider, lambda done, total: output.progress("keys wrapped", done, total))
            elif options.action == "retire":
                await retire(connection, provider, options.kek)
        except KekRefusedError as error:
            raise CommandError(Exit.FAILED, str(error)) from error
        return await list_keks(connection), await count_keys(connection)


async def _index(settings: Settings, addresses: Addresses, output: Output) -> None:
    """Add everybody of the log to the blind index."""
    from api.composition.bootstrap import make_codec, make_keyring
    from infrastructure.keys.blind_index import BlindIndex
    from infrastructure.reactors import Indexer, fill_index

    async with make_keyring(settings, addresses) as keys, BlindIndex(addresses.keys, keys.named) as index:
        indexer = Indexer(index=index, keys=keys, codec=make_codec())
        seen = await fill_index(
            indexer, addresses.writer, lambda done, head: output.progress("events looked at", done, head)
        )
    output.result({"registrations": seen}, f"Everybody of {seen:,} registrations is in the index, but who was erased.")


def _text(keks: Sequence[Kek], counts: Counts) -> str:
    rows = [
        (
            kek.kek_id,
            "current" if kek.is_current else "retired" if kek.retired_at else "old" if kek.current_from else "begun",
            kek.wraps,
            f"{kek.registered_at:%Y-%m-%d %H:%M}",
        )
        for kek in keks
    ]
    of_subjects = f"keys of data subjects: {counts.alive:,}"
    gone = f"destroyed: {counts.destroyed:,}, of them shredded: {counts.shredded:,}"
    keks_shown = table(("key-encryption key", "state", "wraps", "since"), rows)
    return f"{keks_shown}\n{of_subjects}; {gone}; other keys: {counts.named:,}"
