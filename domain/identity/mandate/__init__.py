"""A mandate: somebody may act for a person or an enterprise, at the services it names, for as long as it is valid.

Requested by one side and accepted by the other; legal representation is confirmed by a registration authority instead.
Either side suspends or withdraws it. A chain mandate passes an ordinary mandate on: it represents the same mandator,
reaches no further than its parent, and is in force only while its parent is. A chain has one link.
"""
