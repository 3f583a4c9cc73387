"""Floor 5: builds every room, hands each what it needs, and tears them down; nobody else knows them all.

`execution` is the engine on this machine, `rooms` everything but the server, `platform` both with the server in front.
"""

from samovar.app.execution import NotIsolated as NotIsolated
from samovar.app.platform import App as App
from samovar.app.platform import NoCertificate as NoCertificate
from samovar.app.platform import PortTaken as PortTaken
from samovar.app.platform import Running as Running
from samovar.app.platform import run as run
