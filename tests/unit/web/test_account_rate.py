"""The throttle over all APIs of an account."""

from samovar.web.account_rate import AccountRate


def test_half_a_second_s_worth_at_once_and_then_the_rate():
    rate = AccountRate(10)
    assert [rate.admits("1", "us-east-1", 0.0) for _ in range(6)] == [True] * 5 + [False]
    assert rate.admits("1", "us-east-1", 0.1)
    assert not rate.admits("1", "us-east-1", 0.1)


def test_accounts_and_regions_have_rates_of_their_own_and_nought_is_none():
    rate = AccountRate(2)
    assert rate.admits("1", "us-east-1", 0.0) and not rate.admits("1", "us-east-1", 0.0)
    assert rate.admits("1", "eu-west-1", 0.0) and rate.admits("2", "us-east-1", 0.0)
    assert all(AccountRate(0).admits("1", "us-east-1", 0.0) for _ in range(10))
