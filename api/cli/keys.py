"""`kroniek keys`: the key-encryption keys; making a new one current, wrapping all keys with it, retiring old ones.

And the index of people by their numbers, which is in the database of the keys.
"""

from __future__ import annotations

import argparse
import asyncio
from collections.abc import Sequence
from dataclasses import asdict
from functools import partial

import psycopg

from api.cli.common import database, settings_of
from api.cli.output import Exit, Output, add_actions, ending_as, table
from api.composition.log_and_rules import make_codec, make_keyring
from infrastructure.database.addresses import Addresses
from infrastructure.keys.blind_index import BlindIndex
from infrastructure.keys.data_keys import KeyBrokenError, KeysUnavailableError
from infrastructure.keys.kek_check import KekState, check_current_kek
from infrastructure.keys.keks import (
    Counts,
    Kek,
    KekNotFoundError,
    KekRefusedError,
    count_keys,
    list_keks,
    retire,
    rotate,
)
from infrastructure.keys.providers import make_provider
from infrastructure.keys.shredding import ShreddingRefusedError, check_rights, leaves_server
from infrastructure.reactors.indexing import Indexer, fill_index
from infrastructure.settings import Settings

ACTIONS = {
    "list": "list the key-encryption keys and how many keys each wraps; count the keys",
    "rotate": "make a new key-encryption key current and wrap all keys with it, while the platform runs",
    "retire": "destroy a key-encryption key that wraps nothing any more",
    "index": "add missing people to the index in which they are found by their numbers, while the platform runs",
}

KEK_WARNINGS = {
    KekState.UNREACHABLE: ("The current key-encryption key is not there, or cannot be read.",),
    KekState.WRONG: ("The current key-encryption key opens no key: it is another one, or the keys were changed.",),
}


def add_options(parser: argparse.ArgumentParser) -> None:
    actions = add_actions(parser, {name: (about, _run) for name, about in ACTIONS.items()})
    actions["retire"].add_argument("kek", metavar="KEK", help="the name that `list` gives it")


def _run(options: argparse.Namespace, output: Output) -> None:
    settings = settings_of()
    with (
        database(settings) as addresses,
        ending_as(Exit.FAILED, KeysUnavailableError, "The key-encryption keys cannot be used: {}.".format),
        ending_as(Exit.FAILED, KeyBrokenError, "The keys are damaged: {}.".format),
    ):
        if options.action == "index":
            asyncio.run(_index(settings, addresses, output))
        else:
            asyncio.run(_act(options, settings, addresses.keys, output))


async def _act(options: argparse.Namespace, settings: Settings, url: str, output: Output) -> None:
    """Carry out an action, and show the keys as they are afterwards."""
    provider = make_provider(settings)
    async with await psycopg.AsyncConnection.connect(url, autocommit=True) as connection:
        with ending_as(Exit.WRONG_USAGE, KekRefusedError), ending_as(Exit.NOT_FOUND, KekNotFoundError):
            if options.action == "rotate":
                await rotate(connection, provider, partial(output.progress, "keys wrapped"))
            elif options.action == "retire":
                await retire(connection, provider, options.kek)
        keks, counts = await list_keks(connection), await count_keys(connection)
        current = await check_current_kek(connection, make_provider(settings))
        warnings = [*KEK_WARNINGS.get(current, ()), *await _warnings(connection)]
    said = {"keks": [asdict(kek) for kek in keks], "keys": asdict(counts), "currentKek": current, "warnings": warnings}
    output.result(said, "\n".join([_text(keks, counts), *warnings]))


async def _warnings(connection: psycopg.AsyncConnection) -> Sequence[str]:
    """Say what keeps erasures from being carried out to the end, here or elsewhere."""
    warnings = []
    try:
        await check_rights(connection)
    except ShreddingRefusedError as error:
        warnings.append(f"No erasure is carried out to the end: {error}.")
    if places := await leaves_server(connection):
        warnings.append(
            f"The journal of this server goes to {places}: destroyed keys are there until what wraps them is retired "
            "(`kroniek keys rotate`, `kroniek keys retire`)."
        )
    return warnings


async def _index(settings: Settings, addresses: Addresses, output: Output) -> None:
    """Add everybody in the log to the blind index."""
    async with make_keyring(settings, addresses) as keys, BlindIndex(addresses.keys, keys.named) as index:
        indexer = Indexer(index=index, keys=keys, codec=make_codec())
        seen = await fill_index(indexer, addresses.writer, partial(output.progress, "events read"))
    output.result({"registrations": seen}, f"Everybody of {seen:,} registrations is in the index, but erased people.")


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
