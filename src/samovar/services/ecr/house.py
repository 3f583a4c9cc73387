"""What ECR's operations are bound to."""

import msgspec

from samovar.services.ecr.state import Ecr
from samovar.services.ecr.tokens import Tokens
from samovar.services.ecr.view import Addresses


class House(msgspec.Struct, frozen=True):
    state: Ecr
    tokens: Tokens
    addresses: Addresses
