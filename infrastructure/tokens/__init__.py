"""OAuth 2 access tokens (RFC 9068): verified against a JWKS, and issued by the platform itself for local use."""

from infrastructure.tokens.algorithms import ALGORITHMS
from infrastructure.tokens.callers import OrganisationDirectory, subject_of
from infrastructure.tokens.clients import ClientError, Clients
from infrastructure.tokens.dpop import PROOF_MAX_AGE_S
from infrastructure.tokens.grant import ClientCredentials, TokenRequest
from infrastructure.tokens.issuer import LocalIssuer
from infrastructure.tokens.jose import MAX_TOKEN_LENGTH, SKEW_S
from infrastructure.tokens.jwks import JWKS_MAX_AGE_S, JWKS_MIN_INTERVAL_S, JWKS_UNKNOWN_KEY_S, JwksKeys
from infrastructure.tokens.token_refusals import (
    GrantRefusedError,
    IssuerUnavailableError,
    ProofRefusedError,
    TokenRefusedError,
)
from infrastructure.tokens.verifier import Trust, Verifier

__all__ = [
    "ALGORITHMS",
    "JWKS_MAX_AGE_S",
    "JWKS_MIN_INTERVAL_S",
    "JWKS_UNKNOWN_KEY_S",
    "MAX_TOKEN_LENGTH",
    "PROOF_MAX_AGE_S",
    "SKEW_S",
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
    "TokenRequest",
    "Trust",
    "Verifier",
    "subject_of",
]
