"""Those who hold key-encryption keys: one suite on files and on a token (SoftHSM 2), and what only one of them has."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pkcs11
import pytest
from pkcs11 import Attribute, ObjectClass
from pydantic import SecretStr

from infrastructure.keys.data_keys import KeyBrokenError, KeysUnavailableError
from infrastructure.keys.file_provider import FileProvider
from infrastructure.keys.pkcs11_provider import Pkcs11Provider
from infrastructure.keys.provider import BoundKey, KekProvider
from infrastructure.keys.providers import make_provider
from infrastructure.settings import Settings
from tests.infrastructure.hsm import PIN, TOKEN, Token
from tests.infrastructure.keyrings import holds

KEYS = [BoundKey(bytes([at]) * 32, b"owner %d" % at) for at in range(5)]


@pytest.fixture(params=["file", "pkcs11"])
def provider(request: pytest.FixtureRequest, tmp_path: Path) -> KekProvider:
    if request.param == "file":
        return FileProvider(tmp_path / "keys")
    token: Token = request.getfixturevalue("token")
    return token.provider()


def bound(wrapped: list[bytes], to: list[BoundKey] = KEYS) -> list[BoundKey]:
    return [BoundKey(it, key.associated_data) for it, key in zip(wrapped, to, strict=True)]


# --- Both -----------------------------------------------------------------------------------------------------------


def test_what_is_wrapped_is_unwrapped_and_no_two_wrappings_are_alike(provider: KekProvider) -> None:
    kek_id = provider.new_id()
    assert not holds(provider, kek_id)
    provider.make(kek_id)
    first, second = (list(provider.wrap(kek_id, KEYS)) for _ in range(2))
    assert len({*first, *second}) == 2 * len(KEYS)
    for wrapped in (first, second):
        assert provider.unwrap(kek_id, bound(wrapped)) == [key.content for key in KEYS]
        assert not any(key.content in it for key, it in zip(KEYS, wrapped, strict=True))


def test_a_wrapped_key_is_bound_to_its_owner_and_cannot_be_changed(provider: KekProvider) -> None:
    kek_id = provider.new_id()
    provider.make(kek_id)
    (wrapped, *_) = provider.wrap(kek_id, KEYS)
    changed = wrapped[:-1] + bytes([wrapped[-1] ^ 1])
    for content, owner in (
        (wrapped, b"another owner"),
        (changed, KEYS[0].associated_data),
        (wrapped[:20], KEYS[0].associated_data),
    ):
        with pytest.raises(KeyBrokenError):
            provider.unwrap(kek_id, [BoundKey(content, owner)])
    assert provider.unwrap(kek_id, [BoundKey(wrapped, KEYS[0].associated_data)]) == [KEYS[0].content]


def test_making_a_key_again_keeps_the_one_that_is_there(provider: KekProvider) -> None:
    kek_id = provider.new_id()
    provider.make(kek_id)
    wrapped = list(provider.wrap(kek_id, KEYS))
    provider.make(kek_id)
    assert provider.unwrap(kek_id, bound(wrapped)) == [key.content for key in KEYS]


def test_a_key_that_is_not_there_is_unavailable_and_removing_it_is_safe_to_repeat(provider: KekProvider) -> None:
    kek_id = provider.new_id()
    provider.make(kek_id)
    wrapped = list(provider.wrap(kek_id, KEYS))
    for _ in range(2):
        provider.remove(kek_id)
        assert not holds(provider, kek_id)
        with pytest.raises(KeysUnavailableError):
            provider.wrap(kek_id, KEYS)
        with pytest.raises(KeysUnavailableError):
            provider.unwrap(kek_id, bound(wrapped))


@pytest.mark.parametrize("name", ["../../etc/passwd", "file-", "pkcs11-", "pkcs11-a/b", "file-0123456789abcdeF", ""])
def test_a_name_that_is_none_of_its_own_is_refused(provider: KekProvider, name: str) -> None:
    with pytest.raises(KeysUnavailableError):
        provider.make(name)
    with pytest.raises(KeysUnavailableError):
        provider.unwrap(name, [BoundKey(b"\0" * 60, b"")])


# --- Files ----------------------------------------------------------------------------------------------------------


def test_files_are_for_this_user_alone_and_another_process_reads_them(tmp_path: Path) -> None:
    folder = tmp_path / "data" / "keys"
    provider = FileProvider(folder)
    kek_id = provider.new_id()
    provider.make(kek_id)
    (file,) = folder.iterdir()
    assert (folder.stat().st_mode & 0o777, file.stat().st_mode & 0o777) == (0o700, 0o600)
    wrapped = list(provider.wrap(kek_id, KEYS))
    assert FileProvider(folder).unwrap(kek_id, bound(wrapped)) == [key.content for key in KEYS]


def test_a_file_that_is_no_key_is_unavailable_and_tells_nothing(tmp_path: Path) -> None:
    provider = FileProvider(tmp_path)
    kek_id = provider.new_id()
    (tmp_path / f"{kek_id}.kek").write_text("s3cret")
    with pytest.raises(KeysUnavailableError) as refused:
        provider.wrap(kek_id, KEYS)
    assert "s3cret" not in str(refused.value)


# --- Tokens ---------------------------------------------------------------------------------------------------------


def test_the_token_does_not_give_its_keys_away(token: Token) -> None:
    provider = token.provider()
    kek_id = provider.new_id()
    provider.make(kek_id)
    with token.session() as session:
        kek = session.get_key(object_class=ObjectClass.SECRET_KEY, label=kek_id.removeprefix("pkcs11-"))
        assert (kek[Attribute.SENSITIVE], kek[Attribute.EXTRACTABLE], kek[Attribute.TOKEN]) == (True, False, True)
        assert (kek[Attribute.ALWAYS_SENSITIVE], kek[Attribute.NEVER_EXTRACTABLE]) == (True, True)
        with pytest.raises(pkcs11.PKCS11Error):
            _ = kek[Attribute.VALUE]


def test_a_session_that_the_token_ended_is_opened_anew(token: Token) -> None:
    provider = token.provider()
    kek_id = provider.new_id()
    provider.make(kek_id)
    wrapped = list(provider.wrap(kek_id, KEYS))
    session = provider._session  # noqa: SLF001 - what the token does by itself
    assert session is not None
    session.close()
    assert provider.unwrap(kek_id, bound(wrapped)) == [key.content for key in KEYS]


@pytest.mark.parametrize(
    ("module", "name", "pin"),
    [("/nowhere.so", TOKEN, PIN), ("", "another token", PIN), ("", TOKEN, "wrong-pin")],
    ids=["no module", "no token", "wrong pin"],
)
def test_a_token_that_cannot_be_used_makes_keys_unavailable_and_shows_no_pin(
    token: Token, module: str, name: str, pin: str
) -> None:
    # A process of its own: one that is logged in already would not be asked for the pin.
    program = (
        "import sys; from pathlib import Path; from pydantic import SecretStr\n"
        "from infrastructure.keys.data_keys import KeysUnavailableError\n"
        "from infrastructure.keys.pkcs11_provider import Pkcs11Provider\n"
        "provider = Pkcs11Provider(Path(sys.argv[1]), sys.argv[2], SecretStr(sys.argv[3]), 'kroniek')\n"
        "try:\n    provider.make(provider.new_id())\n"
        "except KeysUnavailableError as error:\n    print('unavailable:', error)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, module or str(token.module), name, pin],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
        cwd=Path(__file__).parents[2],
    )
    assert done.stdout.startswith("unavailable: the token answers ")
    assert pin not in done.stdout + done.stderr


# --- Several --------------------------------------------------------------------------------------------------------


def test_each_key_is_unwrapped_by_whoever_wrapped_it_and_new_ones_are_made_by_the_chosen_one(
    token: Token, tmp_path: Path
) -> None:
    of_files = make_provider(Settings(data_dir=tmp_path))
    old = of_files.new_id()
    of_files.make(old)
    wrapped = list(of_files.wrap(old, KEYS))
    both = make_provider(Settings(data_dir=tmp_path, **token.settings()))
    new = both.new_id()
    both.make(new)
    assert (old.partition("-")[0], new.partition("-")[0]) == ("file", "pkcs11")
    assert both.unwrap(old, bound(wrapped)) == [key.content for key in KEYS]
    assert both.unwrap(new, bound(list(both.wrap(new, KEYS)))) == [key.content for key in KEYS]
    assert (of_files.waits, both.waits) == (False, True)
    assert not holds(of_files, new)
    with pytest.raises(KeysUnavailableError):
        of_files.unwrap(new, bound(wrapped))


def test_the_keys_of_a_token_are_named_after_the_label_that_is_set(token: Token) -> None:
    provider = Pkcs11Provider(token.module, TOKEN, SecretStr(PIN), "other.label")
    assert provider.new_id().startswith("pkcs11-other.label-")
