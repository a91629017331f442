"""Keys of data subjects: one for each person and purpose. A person whose keys are destroyed is erased.

Those in a database are in `keyring`, which stands on the log's line of callers; this package does not import it here,
since the log seals with keys.
"""

from infrastructure.keys.memory import MemoryKeys
from infrastructure.keys.model import DataKey, KeyBrokenError, Keys, KeysUnavailableError, Owner, UnknownKeyError

__all__ = [
    "DataKey",
    "KeyBrokenError",
    "Keys",
    "KeysUnavailableError",
    "MemoryKeys",
    "Owner",
    "UnknownKeyError",
]
