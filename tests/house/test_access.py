"""Every service says what its operations need to be allowed."""

from .test_models import service_folder


def without_access(modules) -> set[str]:
    has = {service_folder(module) for module in modules if module.name.split(".")[-1] == "access"}
    return {service_folder(module) for module in modules} - has - {""}


def test_every_service_says_what_its_operations_need(house):
    missing = without_access(house)
    assert not missing, (
        f"{sorted(missing)}: no access.py. Its operations would all be about `*`, also where they name a resource of "
        "another account. See docs/adding-a-service.md"
    )


def test_a_service_without_is_noticed(module):
    modules = [module("samovar.services.sqs.access", ""), module("samovar.services.sns.ops", "")]
    assert without_access(modules) == {"sns"}
