"""services/sns/mail.py: mails go out by SMTP where there is a server, and are kept in any case."""

import asyncio
import socketserver
import threading
from collections.abc import Iterator

import pytest

from samovar.core.clock import FakeClock
from samovar.services.sns.mail import Mail
from samovar.store.sqlite import open_store


class Server(socketserver.ThreadingTCPServer):
    """Takes every mail: the lines that clients have said."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Talk)
        self.said: list[str] = []


class Talk(socketserver.StreamRequestHandler):
    def handle(self) -> None:
        self.wfile.write(b"220 ready\r\n")
        inside = False
        for line in self.rfile:
            text = line.decode().rstrip("\r\n")
            self.server.said.append(text)  # type: ignore[attr-defined]
            if inside and text != ".":
                continue
            inside = text.upper() == "DATA"
            self.wfile.write(
                b"354 go on\r\n" if inside else b"221 bye\r\n" if text.upper() == "QUIT" else b"250 ok\r\n"
            )


@pytest.fixture
def server() -> Iterator[Server]:
    made = Server()
    threading.Thread(target=made.serve_forever, args=(0.05,), daemon=True).start()
    yield made
    made.shutdown()
    made.server_close()


def run(smtp: str, protocol: str = "email") -> list[dict[str, str]]:
    async def main() -> list[dict[str, str]]:
        store = await open_store(None)
        try:
            mail = await Mail.open(store, FakeClock(), smtp)
            await mail.send("1" * 12, "us-east-1", protocol, "a@example.com", "about", "text of it")
            shown = await mail.view({"account": "1" * 12})
            assert await mail.view({"account": "2" * 12}) == {"messages": []}
            return shown["messages"]  # type: ignore[index, no-any-return]
        finally:
            await store.close()

    return asyncio.run(main())


def test_a_mail_goes_out_and_is_kept(server: Server) -> None:
    [kept] = run(f"smtp://127.0.0.1:{server.server_address[1]}")
    assert (kept["address"], kept["subject"], kept["body"]) == ("a@example.com", "about", "text of it")
    assert "Subject: about" in server.said
    assert "text of it" in server.said
    assert any(line.lower().startswith("rcpt to:<a@example.com>") for line in server.said)


def test_a_text_message_is_only_kept(server: Server) -> None:
    assert len(run(f"smtp://127.0.0.1:{server.server_address[1]}", "sms")) == 1
    assert server.said == []


def test_a_server_that_is_not_there_is_an_error_to_be_tried_again() -> None:
    with pytest.raises(OSError):
        run("smtp://127.0.0.1:1")
