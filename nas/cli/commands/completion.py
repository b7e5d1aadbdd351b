"""`nas completion`: scripts for shells, and the words that they offer."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

from nas.cli.config_files import GROUPS, configs
from nas.cli.help import choices, completed
from nas.errors import UsageError
from nas.storage.files import replace_file

BASH = """# nas: completion for bash; nas completion uninstall bash removes it
_nas() {
    local line="${COMP_LINE:0:COMP_POINT}" word
    local current="${line##*[[:space:]]}"
    local kept=""  # bash splits words at = and :, and replaces only the last part
    [[ "$current" == *[=:]* ]] && kept="${current%"${current##*[=:]}"}"
    COMPREPLY=()
    while IFS= read -r word; do
        [[ -n "$word" ]] && COMPREPLY+=("${word#"$kept"}")
    done < <("$1" completion words "$line" 2>/dev/null)
    [[ ${#COMPREPLY[@]} -eq 1 && "${COMPREPLY[0]}" == *[=.] ]] && compopt -o nospace 2>/dev/null
    return 0
}
complete -o default -F _nas nas
"""
ZSH = """#compdef nas
# nas: completion for zsh; nas completion uninstall zsh removes it
_nas() {
    local -a words_
    words_=("${(@f)$(nas completion words "${LBUFFER}" 2>/dev/null)}")
    compadd -S '' -- ${(M)words_:#*[=.]}
    compadd -- ${words_:#*[=.]}
}
compdef _nas nas
"""
FISH = """# nas: completion for fish; nas completion uninstall fish removes it
complete -c nas -f -a '(nas completion words (commandline -cp | string collect) 2>/dev/null)'
"""
SCRIPTS = {"bash": BASH, "zsh": ZSH, "fish": FISH}
ACTIONS = ("install", "uninstall", "show", "words")
KINDS = ("space", "proxy", "strategy")
"""The first word of `nas new`."""


def main(argv: Sequence[str], commands: Mapping[str, str]) -> None:
    """Install, remove or show a script, or print the words that can follow a line."""
    action, *rest = argv
    if action not in ACTIONS or len(rest) > 1:
        raise UsageError(
            f"'nas completion {' '.join(argv)}' must be nas completion install, uninstall or "
            f"show, and bash, zsh or fish"
        )
    if action == "words":
        print(*words(rest[0] if rest else "", [*commands, "help", "completion"]), sep="\n")
        return
    shell = rest[0] if rest else Path(os.environ.get("SHELL", "")).name
    if shell not in SCRIPTS:
        raise UsageError(
            f"completion is there for {', '.join(SCRIPTS)}, and not for '{shell}': "
            f"nas completion {action} bash"
        )
    if action == "show":
        print(SCRIPTS[shell], end="")
        return
    path = place(shell)
    if action == "install":
        install(shell, path)
    else:
        remove(path)


def place(shell: str) -> Path:
    """The file for a shell's script, in the user's folder for such scripts."""
    home = Path.home()
    data = Path(os.environ.get("XDG_DATA_HOME") or home / ".local" / "share")
    if shell == "fish":
        config = Path(os.environ.get("XDG_CONFIG_HOME") or home / ".config")
        return config / "fish" / "completions" / "nas.fish"
    if shell == "zsh":
        return data / "zsh" / "site-functions" / "_nas"
    own = os.environ.get("BASH_COMPLETION_USER_DIR")
    return (Path(own) if own else data / "bash-completion") / "completions" / "nas"


def install(shell: str, path: Path) -> None:
    """Write the script, and say what the shell needs besides; no file of the user's is changed."""
    if path.exists() and not _is_ours(path):
        raise UsageError(f"{path} is not of nas completion install: remove it first")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        replace_file(path, SCRIPTS[shell])
    except OSError as error:
        raise UsageError(f"{path} cannot be written: {error.strerror}") from error
    print(f"{path} is written; new shells complete nas")
    if shell == "bash":
        print(f"without the package bash-completion, add to ~/.bashrc:\n  source {path}")
    if shell == "zsh":
        print(f"add to ~/.zshrc:\n  fpath+=({path.parent})\n  autoload -U compinit; compinit")


def remove(path: Path) -> None:
    """Remove the script, if it is ours."""
    if not _is_ours(path):
        raise UsageError(f"{path} is no script of nas completion install: nothing is removed")
    path.unlink()
    print(f"{path} is removed")


def _is_ours(path: Path) -> bool:
    try:
        return "# nas: completion for" in path.read_text(encoding="utf-8")
    except (OSError, UnicodeError):
        return False


def words(line: str, commands: Sequence[str]) -> list[str]:
    """What the last word of a line can be; the line begins with the program's name."""
    *before, current = re.split(r"\s+", line.lstrip())
    if not before:  # the program's own name
        return []
    if len(before) == 1:
        found = list(commands)
    else:
        found = _following(before[1], before[2:], current, commands)
    return sorted({word for word in found if word.startswith(current)})


def _following(
    command: str, before: Sequence[str], current: str, commands: Sequence[str]
) -> list[str]:
    """The words that can follow a command."""
    if command == "completion":
        return list(SCRIPTS if before else ACTIONS[:-1])
    if command == "help":
        return _values("", current) or [*commands, *(f"{group}=" for group in GROUPS)]
    if command not in commands:
        return []
    if "=" in current:
        return _values(command, current)
    first = KINDS if command == "new" and not before else ()
    return [*first, "--help", *completed(command, before)]


def _values(command: str, current: str) -> list[str]:
    """The whole words that begin like `option=` or `option=[one,`."""
    option, equals, value = current.partition("=")
    if not equals:
        return []
    known = list(configs(option)) if option in GROUPS else choices(command, option)
    start = value[: max(value.rfind(","), value.rfind("[")) + 1]
    return [f"{option}={start}{name}" for name in known]
