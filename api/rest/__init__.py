"""Commands over HTTP, and what else has an address beside GraphQL and the dashboard."""
