"""Paths of the platform's own that services hand out, which the gateway opens before their service is there."""

from typing import Final

SNS_CERTIFICATES: Final = "/_samovar/sns/"
"""Below it, the certificates that notifications are signed with."""
SNS_MAIL: Final = "/_samovar/mail"
"""The mails that SNS has sent to people."""
