"""`sandbox/network.py`: what settings come to, and what boxes are told."""

import pytest

from samovar.sandbox.network import Admitted, Network, Reach, admitted, host_resolver, plan


def test_a_plan_is_what_was_asked_for_or_the_outside():
    assert plan("auto", "", True) == Network(Reach.OUTSIDE, [])
    assert plan("isolated", "", True).reach is Reach.PLATFORM
    assert plan("host", "", True).reach is Reach.HOST
    assert plan("auto", "db=localhost:5432", True).admitted == [Admitted("db", "127.0.0.1", 5432)]


@pytest.mark.parametrize("wanted", ["auto", "isolated", "outbound", "host"])
def test_without_networks_of_their_own_boxes_have_the_hosts(wanted):
    assert plan(wanted, "", False).reach is Reach.HOST


@pytest.mark.parametrize(("wanted", "has_networks"), [("isolated", True), ("host", True), ("auto", False)])
def test_names_need_a_way_to_the_outside(wanted, has_networks):
    with pytest.raises(ValueError, match="function_hosts needs"):
        plan(wanted, "db=localhost:5432", has_networks)


def test_names_are_read_with_their_addresses():
    assert admitted(" db=127.0.0.1:5432 , cache.local=10.0.0.5:6379,") == [
        Admitted("db", "127.0.0.1", 5432),
        Admitted("cache.local", "10.0.0.5", 6379),
    ]


@pytest.mark.parametrize(
    "text",
    [
        "db", "db=", "=127.0.0.1:1", "db=127.0.0.1", "db=127.0.0.1:0", "db=127.0.0.1:70000", "db=127.0.0.1:x",
        "db=::1:5432", "db=0.0.0.0:80", "db=224.0.0.1:80", "db=255.255.255.255:80", "db=example.com:80",
        "a b=127.0.0.1:1", "-a=127.0.0.1:1", "localhost=127.0.0.1:1",
        "sandbox=127.0.0.1:1", "a\nb=127.0.0.1:1", ",".join(f"n{n}=127.0.0.1:1" for n in range(251)),
    ],
)  # fmt: skip
def test_what_cannot_be_a_name_or_an_address_is_said(text):
    with pytest.raises(ValueError, match="function_hosts: "):
        admitted(text)


def test_a_name_with_two_ports_has_one_address():
    network = Network(Reach.OUTSIDE, admitted("db=127.0.0.1:5432,db=10.0.0.5:6379,other=10.0.0.6:1"))
    assert network.files()["/etc/hosts"] == "198.19.254.1 db\n198.19.254.2 other\n"
    assert network.redirects() == [
        ["198.19.254.1", 5432, "127.0.0.1", 5432],
        ["198.19.254.1", 6379, "10.0.0.5", 6379],
        ["198.19.254.2", 1, "10.0.0.6", 1],
    ]


def test_a_box_asks_the_platform_for_names_before_it_asks_the_outside():
    outside, platform = Network(Reach.OUTSIDE).files(), Network(Reach.PLATFORM).files()
    assert outside["/etc/resolv.conf"] == "nameserver 127.0.0.1\nnameserver 198.19.255.53\n"
    assert platform["/etc/resolv.conf"] == "nameserver 127.0.0.1\n"
    assert Network(Reach.HOST).files() == {}


def test_the_hosts_resolver_is_its_first_by_ipv4():
    page = "# nameserver 1.1.1.1\nsearch lan\nnameserver fe80::1%eth0\nnameserver 127.0.0.53 \nnameserver 9.9.9.9\n"
    assert host_resolver(page) == "127.0.0.53"
    assert host_resolver("nameserver\nnameserver ::1\n") == ""
