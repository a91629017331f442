"""Reactors: whenever an event is recorded, they do what it asks for outside the log too, such as destroying keys.

One of the serving processes leads, the others stand by. Each reaction is safe to repeat, so that after a crash at any
point everything is done in the end and every fact is recorded once. Operators know the reactor as the keeper: the word
of `/health`, of the metrics and of the schema that holds its position.
"""
