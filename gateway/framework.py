"""The one place where connexion is imported: its imports use three things that their owners deprecated."""

import warnings

with warnings.catch_warnings():
    warnings.filterwarnings("ignore", "Using `httpx` with `starlette.testclient`")
    warnings.filterwarnings("ignore", "jsonschema", DeprecationWarning)
    from connexion.apps.asynchronous import AsyncApi, AsyncApp, AsyncOperation
    from connexion.exceptions import ProblemException
    from connexion.lifecycle import ConnexionRequest, ConnexionResponse
    from connexion.middleware.abstract import ROUTING_CONTEXT
    from connexion.middleware.main import MiddlewarePosition
    from connexion.options import SwaggerUIOptions
    from connexion.resolver import Resolver
    from connexion.security import NO_VALUE, AbstractSecurityHandler

__all__ = [
    "NO_VALUE",
    "ROUTING_CONTEXT",
    "AbstractSecurityHandler",
    "AsyncApi",
    "AsyncApp",
    "AsyncOperation",
    "ConnexionRequest",
    "ConnexionResponse",
    "MiddlewarePosition",
    "ProblemException",
    "Resolver",
    "SwaggerUIOptions",
]
