"""The types and queries of GraphQL, a module for each bounded context."""
