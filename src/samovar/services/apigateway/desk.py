"""What the operations have that reach into the data plane: trying an API out, forgetting what is cached, knowing what
was used."""

import msgspec

from samovar.services.apigateway.plane.bench import Bench
from samovar.services.apigateway.plane.cache import Cache
from samovar.services.apigateway.plane.keys import Usage
from samovar.services.apigateway.state import Rest
from samovar.web.lambda_authorizer import LambdaAuthorizers


class Desk(msgspec.Struct, frozen=True):
    state: Rest
    bench: Bench
    authorizers: LambdaAuthorizers
    cache: Cache
    usage: Usage
