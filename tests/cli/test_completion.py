"""What a shell offers after a line, and the scripts that ask for it."""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from nas.cli.main import COMMANDS
from tests.support.command_line import check_mistake, nas


def offered(line: str) -> list[str]:
    done = nas("completion", "words", line)
    assert (done.code, done.err) == (0, "")
    return done.out.split()


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("nas se", ["search"]),
        ("nas search bud", ["budget="]),
        ("nas search proxy=eps", ["proxy=epsilon"]),
        ("nas search proxy=az", ["proxy=az_nas"]),
        ("nas search proxy=[naswot,eps", ["proxy=[naswot,epsilon"]),
        ("nas search proxy=naswot proxy.", ["proxy.init="]),
        ("nas score space=vit space.pa", ["space.patch="]),
        ("nas search device=c", ["device=cpu", "device=cuda"]),
        ("nas search strict=", ["strict=false", "strict=true"]),
        ("nas search proxy=nobody proxy.", []),
        ("nas help strategy=ran", ["strategy=random"]),
        ("nas help sea", ["search"]),
        ("nas new st", ["strategy"]),
        ("nas completion install z", ["zsh"]),
        ("nas nothing a", []),
        ("nas search budget=", []),
        ("nas", []),
        ("", []),
    ],
)
def test_words_follow_a_line(line: str, words: list[str]) -> None:
    assert offered(line) == words


def test_every_command_is_offered() -> None:
    assert {*COMMANDS, "help", "completion"} == {*offered("nas ")}


def test_completion_imports_neither_torch_nor_hydra() -> None:
    program = (
        "import sys\nfrom nas.cli.main import main\n"
        "try: main(['completion', 'words', 'nas search proxy='])\n"
        "except SystemExit: sys.exit(len({'torch', 'hydra', 'scipy'} & {*sys.modules}))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, check=False)
    assert done.returncode == 0
    assert b"proxy=epsilon" in done.stdout


PLACES = {
    "bash": ".local/share/bash-completion/completions/nas",
    "zsh": ".local/share/zsh/site-functions/_nas",
    "fish": ".config/fish/completions/nas.fish",
}


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("XDG_DATA_HOME", "XDG_CONFIG_HOME", "BASH_COMPLETION_USER_DIR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    return tmp_path / "home"


@pytest.mark.parametrize("shell", PLACES)
def test_a_script_is_installed_shown_and_removed(
    shell: str, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SHELL", f"/usr/bin/{shell}")
    path = home / PLACES[shell]
    for _ in range(2):
        done = nas("completion", "install")
        assert (done.code, done.err) == (0, "")
        assert str(path) in done.out
    assert path.read_text() == nas("completion", "show", shell).out
    assert [each for each in home.rglob("*") if each.is_file()] == [path]
    assert nas("completion", "uninstall").code == 0
    assert not path.exists()
    check_mistake(nas("completion", "uninstall"), [str(path), "nothing is removed"])


def test_a_file_of_the_user_stays(home: Path) -> None:
    path = home / PLACES["fish"]
    path.parent.mkdir(parents=True)
    path.write_text("mine")
    check_mistake(nas("completion", "uninstall", "fish"), ["nothing is removed"])
    assert path.read_text() == "mine"
    check_mistake(nas("completion", "install", "fish"), ["not of nas completion install"])
    assert path.read_text() == "mine"


@pytest.mark.parametrize("words", [["instal"], ["install", "tcsh"], ["show", "bash", "zsh"]])
def test_another_shell_or_action_is_a_sentence(words: list[str], home: Path) -> None:
    check_mistake(nas("completion", *words), ["bash", "zsh", "fish"])
    assert not home.exists()


@pytest.mark.skipif(shutil.which("bash") is None, reason="there is no bash")
@pytest.mark.parametrize(
    ("line", "replies"),
    [
        ("nas sea", ["search"]),
        ("nas search proxy=eps", ["epsilon"]),  # bash keeps what is before =
        ("nas search proxy=naswot proxy.in", ["proxy.init="]),
    ],
)
def test_bash_itself_completes(line: str, replies: list[str], home: Path, tmp_path: Path) -> None:
    program = tmp_path / "nas"
    root = Path(__file__).parents[2]
    program.write_text(f'#!/bin/sh\nPYTHONPATH="{root}" exec "{sys.executable}" -m nas "$@"\n')
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    assert nas("completion", "install", "bash").code == 0
    script = (
        f'source "{home / PLACES["bash"]}"\n'
        f"COMP_LINE='{line}' COMP_POINT={len(line)}\n"
        f'_nas "{program}" && printf "%s\\n" "${{COMPREPLY[@]}}"\n'
        "complete -p nas >/dev/null"
    )
    done = subprocess.run(
        ["bash", "--norc", "-c", script],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "HOME": str(home)},
    )
    assert (done.returncode, done.stdout.split()) == (0, replies), done.stderr
