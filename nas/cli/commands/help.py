"""`nas help`: a command, a plugin with its options and its source, or one option."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from difflib import get_close_matches
from itertools import chain

from nas.cli.commands.list import source
from nas.cli.comments import head
from nas.cli.config_files import GROUPS, combinations, combined_by, configs
from nas.cli.help import options, page, plugin_options, written
from nas.cli.kinds import registries
from nas.errors import UsageError, unknown
from nas.registry.described import described, docs_of
from nas.registry.described import place as place_of

PLURALS = {"metrics": "metric", "proxies": "proxy", "strategies": "strategy", "batches": "batch"}

NONE = "it has no description"

MORE = {
    "help": "nas help COMMAND, KIND, NAME or OPTION: about a command, the plugins of a kind, one"
    "\nplugin with its options, or an option; KIND=NAME where a plugin and an option share a name",
    "completion": "nas completion install [bash|zsh|fish]: let the shell complete commands, "
    "options and names\nnas completion uninstall [SHELL]: remove that\n"
    "nas completion show [SHELL]: print the script",
}
"""Help about the commands without settings."""


def main(argv: Sequence[str], commands: Mapping[str, str]) -> None:
    """Print help about every word: COMMAND, KIND=NAME, KIND, or OPTION."""
    print("\n\n".join(about(word, commands) for word in argv))


def about(word: str, commands: Mapping[str, str]) -> str:
    """Help about one word; raises UsageError where there is none."""
    kind, equals, name = word.partition("=")
    kind = PLURALS.get(kind, kind.removesuffix("s") if kind[:-1] in GROUPS else kind)
    if equals:
        names = [each.strip() for each in name.strip("[]").split(",") if each.strip()]
        if kind not in {*registries(), "finals"} or not names:
            kinds = ", ".join([*registries(), "finals"])
            raise UsageError(f"nas help {word} must be KIND=NAME, where KIND is one of {kinds}")
        return "\n\n".join(_plugin(kind, each) for each in names)
    if word in commands:
        return page(word)
    if word in MORE:
        return MORE[word]
    if kind in registries():
        return _kind(kind)
    found = {
        command: [line for line in options(command) if line.name == word] for command in commands
    }
    lines = [f"nas {command}\n{line}" for command, own in found.items() for line in own]
    if lines:
        return "\n".join(lines)
    if of := [kind for kind, names in _names().items() if word in names]:
        return "\n\n".join(_plugin(kind, word) for kind in of)
    every = {line.name for command in commands for line in options(command)}
    raise _unknown(word, {*commands, *MORE, *registries(), *every, *chain(*_names().values())})


def _names() -> dict[str, set[str]]:
    """The names of the plugins of every kind, with the proxies that are combinations."""
    names = {kind: {*described(plugins)} for kind, plugins in registries().items()}
    return {**names, "proxy": names["proxy"] | {*combinations()}}


def _unknown(word: str, known: Collection[str]) -> UsageError:
    """The error for a word that nothing is called; it suggests the nearest."""
    near = get_close_matches(word, sorted(known), n=1, cutoff=0.5)
    hint = f"did you mean '{near[0]}'? " if near else ""
    return UsageError(
        f"there is no command, option or plugin '{word}'; {hint}"
        f"nas --help lists the commands, nas list the plugins"
    )


def _kind(kind: str) -> str:
    """The names of a kind of plugins, each with a line."""
    plugins = registries()[kind]
    lines = {name: _first(each.docs) for name, each in described(plugins).items()}
    if kind == "proxy":
        lines |= {name: _combined(name) for name in combinations()}
    told = [written(name, text) for name, text in sorted(lines.items())]
    return "\n".join([f"{kind}=", *told])


def _combined(name: str) -> str:
    """One line about a combination."""
    parts = " + ".join(combinations()[name].values())
    return f"a combination: {parts}, {combined_by(name)}"


def _plugin(kind: str, name: str) -> str:
    """What a plugin is, where it comes from, and its options."""
    path = configs(kind).get(name)
    if kind == "finals":
        lines = plugin_options(kind, name, kind)
        return "\n".join([f"{kind}={name}", *map(str, lines)])
    if kind == "proxy" and name in combinations():
        blocks = [f"{kind}={name}\n{_combined(name)}\n{head(path) if path else ''}"]
        for place, part in combinations()[name].items():
            told = plugin_options(kind, part, f"{kind}.{place}", types=True)
            blocks.append("\n".join([f"{part}: {_docs(kind, part)[0]}", *map(str, told)]))
        return "\n\n".join([*blocks, f"nas help {kind}=PART says more about a part"])
    if name not in registries()[kind]:
        raise unknown(kind, name, {*registries()[kind], *configs(kind)})
    prefix = f"{kind}.{name}" if kind == "metric" else kind if kind in GROUPS else name
    told = plugin_options(kind, name, prefix, types=True)
    first, *rest = _docs(kind, name)
    blocks = [f"{kind}={name}: {first}\nfrom {source(*place_of(registries()[kind][name]))}"]
    blocks.append("\n".join(["options", *map(str, told)]) if told else "no options")
    return "\n\n".join([*blocks, "\n".join(rest).strip()]).rstrip()


def _docs(kind: str, name: str) -> list[str]:
    """The lines of a plugin's docstring."""
    return (docs_of(registries()[kind][name]) or NONE).splitlines()


def _first(docs: str) -> str:
    """The first line of a docstring."""
    return (docs or NONE).partition("\n")[0]
