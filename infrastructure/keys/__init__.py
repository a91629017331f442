"""Keys of data subjects: one for each person and purpose. A person whose keys are destroyed is erased.

`keyring` keeps them in a database. It is not imported here, since the log, which seals with keys, would import itself.
"""

from infrastructure.keys.data_keys import DataKey, KeyBrokenError, KeyOwner, Keys, KeysUnavailableError, UnknownKeyError

__all__ = [
    "DataKey",
    "KeyBrokenError",
    "KeyOwner",
    "Keys",
    "KeysUnavailableError",
    "UnknownKeyError",
]
