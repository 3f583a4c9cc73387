"""A load generator, as a process of its own: N keep-alive connections, each with one request open at any time.

    python load.py PORT CONNECTIONS SECONDS < REQUEST

REQUEST is the bytes of the request; `%d` in it becomes the connection's number. Prints answers per second. Every
connection is answered once before the clock starts. An answer that isn't 2xx, or takes 60 s, ends it with an error.
"""

import select
import socket
import sys
import time

_PATIENCE_S = 60


def main() -> None:
    port, connections, seconds = int(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3])
    request = sys.stdin.buffer.read()
    clients = {}
    for number in range(connections):
        client = socket.create_connection(("127.0.0.1", port), timeout=_PATIENCE_S)
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        clients[client.fileno()] = (client, request.replace(b"%d", b"%d" % number))
    poll = select.epoll()
    for fd, (client, own) in clients.items():
        client.sendall(own)
        poll.register(fd, select.EPOLLIN)
    first = set(clients)
    while first:
        for fd, _ in poll.poll(_PATIENCE_S) or _stuck():
            client, own = clients[fd]
            answer = client.recv(65536)
            if answer[9:10] != b"2" or b"X-Amz-Function-Error" in answer:
                sys.exit(f"answered: {answer[:300]!r}")
            first.discard(fd)
    print("ready", flush=True)
    for client, own in clients.values():
        client.sendall(own)
    answered = 0
    began = time.perf_counter()
    end = began + seconds
    while time.perf_counter() < end:
        for fd, _ in poll.poll(_PATIENCE_S) or _stuck():
            client, own = clients[fd]
            answer = client.recv(65536)
            if answer[9:10] != b"2" or b"X-Amz-Function-Error" in answer:
                sys.exit(f"answered under load: {answer[:300]!r}")
            client.send(own)
            answered += 1
    print(answered / (time.perf_counter() - began), answered, flush=True)


def _stuck() -> list[tuple[int, int]]:
    sys.exit(f"no answer within {_PATIENCE_S} s")


if __name__ == "__main__":
    main()
