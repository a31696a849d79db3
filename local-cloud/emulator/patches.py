"""Replaces private functions of the emulator. Rejects a version of the emulator that lacks one of these functions."""
import functools
import inspect


class Patches:
    """The changes to one version of the emulator. `apply` checks all changes first and makes all or none of them."""

    def __init__(self, emulator):
        self.emulator = emulator  # name and version, for the error message
        self.replacements = []
        self.needed = []

    def needs(self, module, *names):
        """Declares which other names of a module the replacements use. `apply` checks that they exist."""
        self.needed += [(module, name) for name in names]

    def replace(self, module, name):
        """Registers the decorated function as the replacement of a module's function. A replacement receives the
        original function, then the caller's arguments. If a function is replaced twice, the second replacement wraps
        the first."""

        def register(replacement):
            self.replacements.append((module, name, replacement))
            return replacement

        return register

    def faults(self):
        wanted = [*self.needed, *((module, name) for module, name, _ in self.replacements)]
        missing = dict.fromkeys(f"{module.__name__}.{name} is missing" for module, name in wanted if not hasattr(module, name))
        changed = {}
        for module, name, replacement in self.replacements:
            if hasattr(module, name):
                parameters = inspect.signature(getattr(module, name))
                try:
                    inspect.signature(replacement).bind(None, *parameters.parameters)
                except TypeError:
                    changed[f"{module.__name__}.{name} has other parameters: {parameters}"] = None
        return [*missing, *changed]

    def apply(self):
        faults = self.faults()
        if faults:
            raise SystemExit(
                f"The local cloud patches functions of the emulator that {self.emulator} does not have: {'; '.join(faults)}. "
                "Install the version that local-cloud/emulator/requirements.txt pins, or adapt local-cloud/emulator/*.py to this version."
            )
        for module, name, replacement in self.replacements:
            setattr(module, name, _around(getattr(module, name), replacement))


def _around(original, replacement):
    @functools.wraps(original)
    def replaced(*arguments, **named):
        return replacement(original, *arguments, **named)

    return replaced
