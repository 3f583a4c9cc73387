"""What is found of .NET, and what is said where something is missing."""

from pathlib import Path

import pytest

from samovar.engine.languages.dotnet import Dotnet, find_frameworks
from samovar.engine.model import Version


def version(handler: str) -> Version:
    return Version(
        key="k", account="123456789012", region="us-east-1", function_name="f",
        function_arn="arn:aws:lambda:us-east-1:123456789012:function:f", version="$LATEST", runtime="dotnet8",
        handler=handler, memory_mb=128, timeout_s=3, ephemeral_mb=512, code="", variables={}, role_arn="",
        log_group="/aws/lambda/f",
    )  # fmt: skip


def installed(root: Path, *versions: str, sdk: str = "") -> Path:
    root.mkdir()
    (root / "dotnet").touch()
    for version in versions:
        (root / "shared/Microsoft.NETCore.App" / version).mkdir(parents=True)
    if sdk:
        (root / "sdk" / sdk / "Roslyn/bincore").mkdir(parents=True)
        (root / "sdk" / sdk / "Roslyn/bincore/csc.dll").touch()
    return root


def test_the_newest_framework_of_each_major_version_counts(tmp_path: Path) -> None:
    first = installed(tmp_path / "first", "8.0.9", "8.0.10", "6.0.36")
    second = installed(tmp_path / "second", "10.0.1", "8.0.99")
    found = find_frameworks([tmp_path / "none", first, second])
    assert {major: (each.root, each.version) for major, each in found.items()} == {
        6: (first, "6.0.36"), 8: (first, "8.0.10"), 10: (second, "10.0.1"),
    }  # fmt: skip


def test_the_sdk_s_compiler_comes_before_mono_s(tmp_path: Path) -> None:
    root = installed(tmp_path / "root", "8.0.10", sdk="8.0.403")
    dotnet = Dotnet(tmp_path, True, {}, [root])
    assert dotnet._compiler == [str(root / "dotnet"), str(root / "sdk/8.0.403/Roslyn/bincore/csc.dll")]
    assert dotnet.found()[0].remark == f"{root} (8.0.10)"
    assert [found.identifier for found in dotnet.found() if not found.problem] == ["dotnet8"]


def test_without_a_compiler_programs_run_and_class_libraries_are_told_why_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    dotnet = Dotnet(tmp_path, True, {}, [installed(tmp_path / "root", "8.0.10")])
    assert dotnet.problem("dotnet8") == ""
    assert "programs only" in dotnet.found()[0].remark
    assert dotnet.launch(version("Program")).refusal == ""
    assert "install the .NET SDK" in dotnet.launch(version("A::B.C::D")).refusal


def test_what_is_not_here_is_told_with_the_way_that_works(tmp_path: Path) -> None:
    dotnet = Dotnet(tmp_path, True, {}, [installed(tmp_path / "root", "6.0.1")])
    problem = dotnet.problem("dotnet8")
    assert "it has .NET 6" in problem
    assert "Runtime=provided.al2023" in problem and "Amazon.Lambda.RuntimeSupport" in problem
    assert "no .NET at all" in Dotnet(tmp_path, True, {}, []).problem("dotnet10")


def test_a_dotnet_of_the_settings_runs_what_it_is_named_for(tmp_path: Path) -> None:
    root = installed(tmp_path / "root", "9.0.1", "7.0.1")
    dotnet = Dotnet(tmp_path, True, {"dotnet8": root / "dotnet"}, [])
    assert dotnet.problem("dotnet8") == ""
    assert dotnet._frameworks[8].version == "9.0.1"
    assert "network of its own" in Dotnet(tmp_path, False, {"dotnet8": root / "dotnet"}, []).problem("dotnet8")
