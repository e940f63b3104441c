"""Why points are lost: what the checks raise."""

FAILED = 75  # exit status of a section's process in which the grader itself fails


class Lost(Exception):
    """The reason, in one line, why a check's points are lost, except for the part kept, 0 to 1."""

    def __init__(self, reason, kept=0.0):
        super().__init__(reason)
        self.kept = kept


class CannotAsk(Lost):
    """The reason why a scenario is not the way to ask this submission."""


class Void(Exception):
    """A reason why the whole section loses its points."""


class TooLong(BaseException):
    """The submission has run for as long as it may."""


def require(right, reason):
    if not right:
        raise Lost(reason)
