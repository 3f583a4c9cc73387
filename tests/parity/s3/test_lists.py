"""Listings (facts/s3.md §6)."""

import pytest

KEYS = ["a", "b/1", "b/2", "b/c/3", "d", "e/1", "f", "ä/ö"]


@pytest.fixture
def full(s3, bucket):
    for key in KEYS:
        s3.put_object(Bucket=bucket, Key=key, Body=b"x")
    return bucket


@pytest.fixture
def listed(s3):
    def listed(bucket, **params):
        page = s3.list_objects_v2(Bucket=bucket, **params)
        keys = [each["Key"] for each in page.get("Contents", [])]
        return keys, [each["Prefix"] for each in page.get("CommonPrefixes", [])], page

    return listed


def test_keys_come_in_the_order_of_their_bytes(full, listed):
    keys, prefixes, page = listed(full)
    assert keys == sorted(KEYS, key=str.encode) and prefixes == []
    assert (page["KeyCount"], page["MaxKeys"], page["IsTruncated"]) == (len(KEYS), 1000, False)
    entry = page["Contents"][0]
    assert (entry["Size"], entry["StorageClass"], "Owner" in entry) == (1, "STANDARD", False)
    assert listed(full, FetchOwner=True)[2]["Contents"][0]["Owner"].keys() == {"ID"}


def test_what_follows_a_delimiter_is_one_common_prefix(full, listed):
    assert listed(full, Delimiter="/")[:2] == (["a", "d", "f"], ["b/", "e/", "ä/"])
    assert listed(full, Prefix="b/", Delimiter="/")[:2] == (["b/1", "b/2"], ["b/c/"])
    assert listed(full, Prefix="b")[0] == ["b/1", "b/2", "b/c/3"]
    assert listed(full, Prefix="zz")[0] == []


@pytest.mark.parametrize("size", [1, 2, 3, 7])
@pytest.mark.parametrize("delimiter", ["", "/"])
def test_pages_together_are_the_whole(s3, full, listed, size, delimiter):
    whole = listed(full, Delimiter=delimiter)
    for operation in ("list_objects_v2", "list_objects"):
        pages = s3.get_paginator(operation).paginate(
            Bucket=full, Delimiter=delimiter, PaginationConfig={"PageSize": size}
        )
        keys, prefixes = [], []
        for page in pages:
            keys += [each["Key"] for each in page.get("Contents", [])]
            prefixes += [each["Prefix"] for each in page.get("CommonPrefixes", [])]
        assert (keys, prefixes) == whole[:2]


def test_a_marker_inside_a_prefix_yields_what_comes_later_in_it(s3, full):
    page = s3.list_objects(Bucket=full, Prefix="b/", Delimiter="/", Marker="b/1")
    assert [each["Key"] for each in page["Contents"]] == ["b/2"]
    assert [each["Prefix"] for each in page["CommonPrefixes"]] == ["b/c/"]


def test_next_marker_comes_with_a_delimiter_only(s3, full):
    assert "NextMarker" not in s3.list_objects(Bucket=full, MaxKeys=1)
    assert s3.list_objects(Bucket=full, MaxKeys=2, Delimiter="/")["NextMarker"] == "b/"


def test_a_list_begins_after_the_key_that_is_named(full, listed):
    assert listed(full, StartAfter="d")[0] == ["e/1", "f", "ä/ö"]


def test_who_asks_for_no_keys_gets_none_and_is_told_of_no_more(full, listed):
    keys, _, page = listed(full, MaxKeys=0)
    assert (keys, page["IsTruncated"], page["KeyCount"]) == ([], False, 0)


def test_what_a_list_refuses(s3, full, refusal, raw):
    wrong = "The continuation token provided is incorrect"
    for token in ("", "garbage"):
        status, _, body = raw("GET", f"/{full}?list-type=2&continuation-token={token}")
        assert status == 400 and wrong.encode() in body
    assert b"Invalid Encoding Method specified in Request" in raw("GET", f"/{full}?encoding-type=x")[2]
    assert raw("GET", f"/{full}?max-keys=-1")[0] == 400
    assert b"<Code>InvalidArgument</Code>" in raw("GET", f"/{full}?max-keys=many")[2]


def test_a_prefix_of_many_keys_is_jumped_over(s3, bucket, threads):
    list(threads.map(lambda n: s3.put_object(Bucket=bucket, Key=f"many/{n:03}"), range(120)))
    s3.put_object(Bucket=bucket, Key="z")
    page = s3.list_objects_v2(Bucket=bucket, Delimiter="/", MaxKeys=1)
    assert [each["Prefix"] for each in page["CommonPrefixes"]] == ["many/"] and page["IsTruncated"]
    page = s3.list_objects_v2(Bucket=bucket, Delimiter="/", ContinuationToken=page["NextContinuationToken"])
    assert [each["Key"] for each in page["Contents"]] == ["z"]


@pytest.mark.parametrize("size", [1, 2, 3, 100])
def test_versions_are_listed_newest_first(s3, versioned, size):
    ids = {key: [s3.put_object(Bucket=versioned, Key=key)["VersionId"] for _ in range(3)] for key in ("a", "b/c")}
    marker = s3.delete_object(Bucket=versioned, Key="a")["VersionId"]
    pages = s3.get_paginator("list_object_versions").paginate(Bucket=versioned, PaginationConfig={"PageSize": size})
    versions, markers = [], []
    for page in pages:
        versions += [(each["Key"], each["VersionId"]) for each in page.get("Versions", [])]
        markers += [(each["Key"], each["VersionId"], each["IsLatest"]) for each in page.get("DeleteMarkers", [])]
    assert versions == [(key, id) for key in ("a", "b/c") for id in reversed(ids[key])]
    assert markers == [("a", marker, True)]


def test_a_version_marker_needs_a_key_marker(s3, versioned, refusal):
    assert refusal(s3.list_object_versions, Bucket=versioned, VersionIdMarker="null") == (
        400, "InvalidArgument", "A version-id marker cannot be specified without a key marker.",
    )  # fmt: skip
