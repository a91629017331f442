"""Erasure: the right of a person to be forgotten, and the holds of the law. One stream for each person.

Data is erased by purpose: the keys of the person's data are destroyed, so that no copy of it can be read any more, and
then shredded, so that no bytes of the keys are left. No event is rewritten. A reactor handles the keys; this stream
decides on the erasure, and records the steps.

A legal hold keeps the data of one purpose until a day. An erasure that was requested does not wait for that day: data
under a hold has to be requested again when the hold is over. Source: Regulation (EU) 2016/679 (GDPR), article 17:
paragraph 1 for the grounds of an erasure, paragraph 3 for the grounds of a hold.
"""

from __future__ import annotations

from domain.erasure.rules import ERASURE

DECIDERS = (ERASURE,)
