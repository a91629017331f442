"""What callers are told while the keys of personal data are gone, and where something personal is damaged."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial

import pytest

from api.composition import log_and_rules
from api.composition.decryption import opener_for_answers
from api.web.errors import Problem
from application.ports import Role, Sealed
from domain.kernel import PersonalText, PurposeGroup, personal
from infrastructure.database.embedded import EmbeddedPostgres
from infrastructure.keys.data_keys import KeyOwner
from infrastructure.keys.keyring import Keyring
from infrastructure.sealing import EventPlace, seal
from tests.api.world import Request, World, built_world, must_be_refused, organisation
from tests.api.world.examples import examples
from tests.databases import gone
from tests.memory_keys import MemoryKeys
from tests.waiting import wait_until


@pytest.fixture(scope="module")
def world(module_database_url: str, module_keys_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    folder = tmp_path_factory.mktemp("data")
    with pytest.MonkeyPatch.context() as patched:
        # Keys that are gone are waited for as always, only not for as long.
        patched.setattr(log_and_rules, "Keyring", partial(Keyring, lease_s=1.0, reconnect_timeout_s=0.2))
        with built_world(folder, module_database_url, module_keys_url, log_level="error") as world:
            yield world


def test_while_the_keys_are_gone_nothing_personal_is_written_and_everything_else_goes_on(
    world: World, postgres: EmbeddedPostgres, module_keys_url: str
) -> None:
    register = examples(world)["register-person-from-national-register"]
    assert world.anybody.reads("/health").json()["keys"] == {"reachable": True}
    with gone(postgres, module_keys_url):
        before = world.holdings()
        answer = world.sends(register, key="while-they-are-gone")
        must_be_refused(answer, 503, "keys-unavailable")
        assert answer.headers["retry-after"] == "1"
        assert world.holdings() == before
        body = organisation("meanwhile", 820)
        assert (
            world.sends(Request(intent="register-organisation", role=Role.ADMINISTRATOR, body=body)).status_code == 201
        )
        wait_until(lambda: not world.anybody.reads("/health").json()["keys"]["reachable"], "health does not say so")
        health = world.anybody.reads("/health")
        assert health.status_code == 200
        assert "the keys of personal data cannot be reached" in health.json()["output"]
    assert world.sends(register, key="while-they-are-gone").status_code == 201


# --- Opening for an answer ------------------------------------------------------------------------------------------

PLACE = EventPlace("letter-1", 1, "letter.kept.v1")


@dataclass(frozen=True, slots=True, kw_only=True)
class LetterKept:
    person_id: str
    subject: PersonalText = personal("person_id", PurposeGroup.CORRESPONDENCE)


async def sealed_by(keys: MemoryKeys) -> Sealed:
    owner = KeyOwner("ann", PurposeGroup.CORRESPONDENCE)
    event = seal(LetterKept(person_id="ann", subject=PersonalText("text")), PLACE, await keys.for_sealing([owner]))
    return Sealed(event.subject, PLACE.stream, PLACE.name, "subject")


@pytest.mark.anyio
async def test_a_text_is_opened_and_that_of_an_erased_person_is_none() -> None:
    keys = MemoryKeys()
    sealed = await sealed_by(keys)
    opener = opener_for_answers(keys)
    assert await opener([sealed]) == ["text"]
    await keys.destroy([KeyOwner("ann", PurposeGroup.CORRESPONDENCE)])
    assert await opener([sealed]) == [None]


@pytest.mark.anyio
async def test_what_is_damaged_is_our_fault_and_not_an_erasure() -> None:
    keys = MemoryKeys()
    sealed = await sealed_by(keys)
    elsewhere = sealed._replace(stream="letter-2")
    for opener, text in ((opener_for_answers(MemoryKeys()), sealed), (opener_for_answers(keys), elsewhere)):
        with pytest.raises(Problem) as problem:
            await opener([text])
        assert (problem.value.status, problem.value.code) == (500, "personal-data-damaged")
