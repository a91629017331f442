"""Erasure: the right of a person to be forgotten, and what the law keeps nevertheless. One stream for each person.

What is erased is erased by purpose: the keys of the person's data are destroyed, so that nobody can read it any more
wherever its bytes still are, and then shredded, so that the keys themselves are nowhere. No event is rewritten. The
keys are the keeper's business; this stream decides what is erased, and records what was done.

A legal hold keeps the data of one purpose until a day; an erasure that was asked for waits for nobody, so what is held
has to be asked for again when the hold is over. Source: Regulation (EU) 2016/679 (GDPR), article 17: paragraph 1 for
the grounds of an erasure, paragraph 3 for the grounds of a hold.
"""

from __future__ import annotations

from domain.erasure.rules import ERASURE

DECIDERS = (ERASURE,)
