"""Floor 5: builds every room, hands each what it needs, and tears them down; nobody else knows them all.

`premises` is what everything stands on, `execution` the engine on this machine, `rooms` everything but the server,
`platform` all of it with the server in front, `start` a platform from its start to its end.
"""

from samovar.app.running import NoCertificate as NoCertificate
from samovar.app.running import NotIsolated as NotIsolated
from samovar.app.running import PortTaken as PortTaken
from samovar.app.running import Running as Running
from samovar.app.start import run as run
