"""OAuth 2 access tokens (RFC 9068): verified against a JWKS, and issued by the platform itself for local use."""

from infrastructure.tokens.algorithms import ALGORITHMS
from infrastructure.tokens.callers import OrganisationDirectory, subject_of
from infrastructure.tokens.clients import ClientError, Clients
from infrastructure.tokens.grant import ClientCredentials
from infrastructure.tokens.issuer import LocalIssuer
from infrastructure.tokens.jwks import JwksKeys
from infrastructure.tokens.token_refusals import (
    GrantRefusedError,
    IssuerUnavailableError,
    ProofRefusedError,
    TokenRefusedError,
)
from infrastructure.tokens.verifier import Trust, Verifier

__all__ = [
    "ALGORITHMS",
    "ClientCredentials",
    "ClientError",
    "Clients",
    "GrantRefusedError",
    "IssuerUnavailableError",
    "JwksKeys",
    "LocalIssuer",
    "OrganisationDirectory",
    "ProofRefusedError",
    "TokenRefusedError",
    "Trust",
    "Verifier",
    "subject_of",
]
