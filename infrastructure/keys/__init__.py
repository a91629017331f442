"""Keys of data subjects: one for each person and purpose. A person whose keys are destroyed is erased.

Those in a database are in `keyring`, which stands on the log's line of callers; this package does not import it here,
since the log seals with keys.
"""

from infrastructure.keys.data_keys import DataKey, KeyBrokenError, KeyOwner, Keys, KeysUnavailableError, UnknownKeyError
from infrastructure.keys.memory_keys import MemoryKeys

__all__ = [
    "DataKey",
    "KeyBrokenError",
    "KeyOwner",
    "Keys",
    "KeysUnavailableError",
    "MemoryKeys",
    "UnknownKeyError",
]
