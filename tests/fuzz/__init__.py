"""Random requests at every door and random GraphQL documents, held against what the platform promises of its answers.

`python -m tests.fuzz` sends ten thousand, the test of the suite some hundreds. The requests come from schemathesis,
which reads the OpenAPI document and the GraphQL schema, and from the examples of `tests.api.world.examples`, changed at
random: the first reach what checks a request, the second what decides. A new door is found by itself.
"""
