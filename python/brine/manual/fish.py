"""Completion for fish."""

from brine.manual.commands import Command, Option

_HEAD = "# Completion of brine for fish, made from the command's own options.\ncomplete -c brine -f\n"


def completion(command: Command) -> str:
    """The file `brine.fish`: a line for each word that can stand somewhere."""
    return _HEAD + "".join(line for each in command.walk() for line in _lines(each))


def _quoted(text: str) -> str:
    return "'" + " ".join(text.split()).replace("\\", "\\\\").replace("'", "\\'") + "'"


def _condition(command: Command) -> str:
    """That its words are there, and none of a command below it."""
    seen = [f"__fish_seen_subcommand_from {word}" for word in command.words[1:]]
    below = " ".join(each.words[-1] for each in command.commands)
    seen += [f"not __fish_seen_subcommand_from {below}"] if below else []
    return f" -n {_quoted('; and '.join(seen))}" if seen else ""


def _lines(command: Command) -> list[str]:
    start = f"complete -c brine{_condition(command)}"
    lines = [f"{start} -a {each.words[-1]} -d {_quoted(each.summary)}\n" for each in command.commands]
    lines += [f"{start} {_names(each)}{_values(each)} -d {_quoted(each.help)}\n" for each in command.options]
    lines += [f"{start}{_values(each, ' -F')}\n" for each in command.arguments if each.takes_files or each.choices]
    return lines


def _names(option: Option) -> str:
    return " ".join(f"-l {flag[2:]}" if flag.startswith("--") else f"-s {flag[1:]}" for flag in option.flags)


def _values(option: Option, files: str = " -r -F") -> str:
    if option.choices:
        return f" -x -a {_quoted(' '.join(option.choices))}"
    if not option.values:
        return ""
    return " -x -a '(__fish_complete_directories)'" if option.takes_folders else files if option.takes_files else " -x"
