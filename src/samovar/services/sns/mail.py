"""Mails and text messages: kept and shown; mails are sent as well where an SMTP server is configured.

Owns: the table `sns_mail`, of which the newest `KEPT` stay, and the page that shows it (`/_samovar/mail`).
"""

import asyncio
import smtplib
from collections.abc import Mapping
from email.message import EmailMessage
from typing import Any
from urllib.parse import urlsplit

from samovar.core.clock import Clock, iso_z
from samovar.store.sqlite import Store

KEPT = 10_000
_SHOWN = 100
_SMTP_S = 30
_MIGRATIONS = [
    "CREATE TABLE sns_mail (id BIGINT PRIMARY KEY, at DOUBLE PRECISION NOT NULL, account TEXT NOT NULL, "
    "region TEXT NOT NULL, protocol TEXT NOT NULL, address TEXT NOT NULL, subject TEXT NOT NULL, body TEXT NOT NULL)",
]
_COLUMNS = ("at", "account", "region", "protocol", "address", "subject", "body")


class Mail:
    """Made by `Mail.open`."""

    def __init__(self, store: Store, clock: Clock, smtp: str, last: int) -> None:
        self._store = store
        self._clock = clock
        self._smtp = smtp
        self._last = last

    @classmethod
    async def open(cls, store: Store, clock: Clock, smtp: str) -> "Mail":
        """`smtp`: `smtp://user:password@host:25`, or `smtps://`; empty when nothing is to be sent."""
        await store.migrate("sns.mail", _MIGRATIONS)
        [(last,)] = await store.query("SELECT MAX(id) FROM sns_mail")
        return cls(store, clock, smtp, last or 0)

    async def send(self, account: str, region: str, protocol: str, address: str, subject: str, body: str) -> None:
        """Keep it, and send it if it is a mail and can be; OSError when it can't be just now."""
        if self._smtp and protocol != "sms":
            await asyncio.to_thread(self._deliver, address, subject, body)
        self._last += 1
        sql = "INSERT INTO sns_mail VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
        row = (self._last, self._clock.now(), account, region, protocol, address, subject, body)
        await self._store.transact((sql, row), ("DELETE FROM sns_mail WHERE id <= ?", (self._last - KEPT,)))

    async def view(self, query: Mapping[str, str]) -> object:
        """The newest, oldest first; `address` and `account` choose among them."""
        asked = {name: value for name, value in query.items() if name in ("address", "account")}
        where = "".join(f" AND {name} = ?" for name in asked)
        sql = f"SELECT id, {', '.join(_COLUMNS)} FROM sns_mail WHERE id > 0{where} ORDER BY id DESC LIMIT ?"
        rows = await self._store.query(sql, (*asked.values(), _SHOWN))
        found: list[dict[str, Any]] = [dict(zip(_COLUMNS, row[1:], strict=True)) for row in sorted(rows)]
        for each in found:
            each["at"] = iso_z(each["at"])
        return {"messages": found}

    async def clear(self) -> None:
        await self._store.transact(("DELETE FROM sns_mail", ()))

    def _deliver(self, address: str, subject: str, body: str) -> None:
        parts = urlsplit(self._smtp)
        mail = EmailMessage()
        mail["From"] = f"no-reply@{parts.hostname}"
        mail["To"] = address
        mail["Subject"] = subject
        mail.set_content(body)
        kind = smtplib.SMTP_SSL if parts.scheme == "smtps" else smtplib.SMTP
        with kind(parts.hostname or "", parts.port or 0, timeout=_SMTP_S) as server:
            if parts.username:
                server.login(parts.username, parts.password or "")
            server.send_message(mail)
