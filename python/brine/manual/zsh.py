"""Completion for zsh."""

from brine.manual.commands import Command, Option

_HEAD = "#compdef brine\n# Completion of brine for zsh, made from the command's own options.\n"


def completion(command: Command) -> str:
    """The file `_brine`: a function for each command."""
    return _HEAD + "".join(_function(each) for each in command.walk()) + f'\n{_called(command)} "$@"\n'


def _called(command: Command) -> str:
    return "_" + command.name.replace("-", "_")


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "'\\''") + "'"


def _told(text: str) -> str:
    """As the description in an _arguments specification."""
    for character in "\\[]:":
        text = text.replace(character, "\\" + character)
    return " ".join(text.split())


def _action(option: Option) -> str:
    if option.choices:
        return f"({' '.join(option.choices)})"
    return "_files -/" if option.takes_folders else "_files" if option.takes_files else " "


def _specification(option: Option, flag: str) -> str:
    """One flag; several values, as those of --tls, are asked for one after the other."""
    values = option.values.split() if option.values and not option.choices else [option.values][:bool(option.values)]
    asked = "".join(f":{_told(value)}:{_action(option)}" for value in values)
    others = " ".join(each for each in option.flags if each != flag)
    once = f"({others})" if others and not option.repeats else ""
    return _quoted(f"{'*' if option.repeats else once}{flag}[{_told(option.help)}]{asked}")


def _function(command: Command) -> str:
    lines = [_specification(option, flag) for option in command.options for flag in option.flags]
    if command.commands:
        lines += [_quoted("1:command:->command"), _quoted("*::argument:->argument")]
    lines += [_quoted(f"*:{_told(each.values)}:{_action(each)}") for each in command.arguments]
    arguments = " \\\n        ".join(["_arguments -C", *lines])
    return f"\n{_called(command)}() {{\n    local state line\n    {arguments}\n{_below(command)}}}\n"


def _below(command: Command) -> str:
    if not command.commands:
        return ""
    described = " ".join(_quoted(f"{each.words[-1]}:{_told(each.summary)}") for each in command.commands)
    cases = "".join(f"                {each.words[-1]}) {_called(each)} ;;\n" for each in command.commands)
    return (f"    case $state in\n        command)\n            local commands=({described})\n"
            "            _describe command commands ;;\n        argument)\n            case $line[1] in\n"
            f"{cases}            esac ;;\n    esac\n")
