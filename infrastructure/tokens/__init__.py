"""OAuth 2 access tokens (RFC 9068): verified against a JWKS, and issued by the platform itself for local use."""
