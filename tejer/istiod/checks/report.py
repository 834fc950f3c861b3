"""`Report`: where the rules put what they find, with the path of the field they are looking at."""

from __future__ import annotations

from tejer.kube.problem import Problem, Severity

Steps = tuple[str | int, ...]


class Report:
    """A list of problems and the path that new ones are relative to. A path becomes text only in a problem."""

    __slots__ = ("problems", "steps")

    def __init__(self, steps: Steps = (), problems: list[Problem] | None = None) -> None:
        self.steps = steps
        self.problems: list[Problem] = [] if problems is None else problems

    def at(self, *steps: str | int) -> Report:
        """The same report, a few steps deeper: `report.at("http", 0)` -> `spec.http[0]`."""
        return Report(self.steps + steps, self.problems)

    def root(self) -> Report:
        """The same report, for the object as a whole."""
        return Report((), self.problems)

    def error(self, message: str, *steps: str | int, hint: str = "", code: str = "") -> None:
        """The object is refused."""
        self._add(Severity.ERROR, message, steps, hint, code)

    def warning(self, message: str, *steps: str | int, hint: str = "", code: str = "") -> None:
        """The object is taken, but does not do what it seems to."""
        self._add(Severity.WARNING, message, steps, hint, code)

    def _add(self, severity: Severity, message: str, steps: Steps, hint: str, code: str) -> None:
        field = path_of(self.steps + steps)
        self.problems.append(Problem(severity=severity, message=message, field=field, hint=hint, code=code))


def path_of(steps: Steps) -> str:
    """`("spec", "http", 0, "match", "a.b")` as `spec.http[0].match["a.b"]`."""
    path = ""
    for step in steps:
        if isinstance(step, int):
            path += f"[{step}]"
        elif not step.isidentifier():
            path += f'["{step}"]'
        else:
            path += f".{step}" if path else step
    return path
