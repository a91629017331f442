"""GraphQL over HTTP: documents, their price and their limits, execution and responses."""
