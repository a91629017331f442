"""An organisation: its registration, the roles it is enrolled in, and its recognition as an identity provider.

Enrolment as a mailbox sender is self-service; the other roles are given by an administrator. An identity provider is
applied -> recognised -> suspended -> (recognised again) -> withdrawn: private means are recognised under strict
conditions and checked. Source: Belgian law of 18 July 2017 on electronic identification and the royal decree of
22 October 2017 (conditions and recognition of private means).
"""
