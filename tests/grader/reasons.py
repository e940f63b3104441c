"""Exceptions that say why points are lost, and require, which raises one."""

FAILED = 75  # exit status of a section's process in which the grader itself fails


class Lost(Exception):
    """The reason, in one line, why a submission does not agree with a scenario."""


class CannotAsk(Lost):
    """The reason why a scenario does not apply to this submission."""


class Void(Exception):
    """The reason why a whole section loses its points."""


class TooLong(BaseException):
    """The submission has reached its time limit."""


def require(condition, reason):
    """Raise Lost with the reason unless the condition holds."""
    if not condition:
        raise Lost(reason)
