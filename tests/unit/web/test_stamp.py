"""Times in the form of web servers' logs."""

from samovar.web.stamp import Stamp, clf_time


def test_a_stamp_says_the_second_that_it_is_asked_for():
    stamp = Stamp()
    assert stamp(0.0) == "01/Jan/1970:00:00:00 +0000"
    assert stamp(0.9) == clf_time(0.2)
    assert stamp(86_400.0) == "02/Jan/1970:00:00:00 +0000"
    assert stamp(59.0) == "01/Jan/1970:00:00:59 +0000"  # a clock may be set back
