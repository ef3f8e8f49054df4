"""The errors are those that their module's docstring draws."""

import re

from assistant import errors


def test_the_tree_drawn_is_the_tree_of_the_classes() -> None:
    drawn, path = dict[str, str](), list[str]()
    for indent, name in re.findall(r"^    ([ │├└─]*)(\w+)", errors.__doc__ or "", re.MULTILINE):
        del path[len(indent) // 4 :]
        drawn[name] = path[-1] if path else ""
        path.append(name)
    classes = {
        name: kind.mro()[1].__name__ if kind is not errors.AssistantError else ""
        for name, kind in vars(errors).items()
        if isinstance(kind, type) and issubclass(kind, errors.AssistantError)
    }
    assert drawn == classes
