"""Errors of the package, free of Airflow; operators translate them into Airflow's own."""

from __future__ import annotations

from airflow_mlops_provider.secrets_in_text import masked


class MLOpsError(Exception):
    """Base of every error that this package raises on purpose; its text is one line for a person, without secrets."""

    def __init__(self, *args: object) -> None:
        super().__init__(*(masked(each) if isinstance(each, str) else each for each in args))


class BadInputError(MLOpsError):
    """The caller's spec, file, column or key is wrong; trying again without a change cannot help."""


class IntegrityError(BadInputError):
    """Stored bytes do not match the hash they were recorded under: an artifact, record or evidence file changed."""


class LostVersionError(IntegrityError):
    """A model version that was recorded is gone from the registry, or another one has its number now."""


class BackendError(MLOpsError):
    """A store or service cannot be reached or written; the data has not been judged, and a retry may help."""


class UserCodeError(MLOpsError):
    """The user's own code, such as a trainer, met trouble around it (network, memory); a retry may help."""


class AlreadyExistsError(MLOpsError):
    """An exclusive create lost against an earlier writer; the earlier content stands."""


class JobFaultError(MLOpsError):
    """A job that ran elsewhere ended by an error that nobody expected; its cause is :class:`RemoteTraceback`."""


class RemoteTraceback(Exception):  # noqa: N818  # as in concurrent.futures: not an error, but the text of one
    """The traceback that another process printed, as the cause of the error that is raised here."""

    def __str__(self) -> str:
        return f"\n{self.args[0]}" if self.args else ""


class JobCancelledError(BaseException):
    """A job was cancelled by whoever started it.

    Not an :class:`Exception`, so that a trainer's ``except Exception`` does not keep a cancelled job going.
    """


class WorkerStopsError(Exception):
    """The worker of a task shuts down, and the task's job goes on elsewhere: a retry finds it.

    Raised in the midst of whatever the task does, so that it is none of the errors that are handled there.
    """


class FormerNameWarning(DeprecationWarning):
    """A key or argument was given under a name that it had in an earlier version."""


_OF_THE_CODE = (
    *(ArithmeticError, AssertionError, AttributeError, ImportError, LookupError, NameError, NotImplementedError),
    *(SyntaxError, SystemExit, TypeError, ValueError),
)


def error_of_user_code(text: str, error: BaseException) -> MLOpsError:
    """What to raise for an error of the user's own code.

    :param text: one line that says what raised what.
    :param error: what it raised.
    :returns: ``BadInputError`` where the code or its data are wrong, so that trying again cannot help;
        ``UserCodeError`` for every other error, such as a refused connection or too little memory.
    """
    is_wrong = isinstance(error, _OF_THE_CODE) and not isinstance(error, OSError)
    return BadInputError(text) if is_wrong else UserCodeError(text)


def one_line(said: object, *, longest: int | None = None) -> str:
    """The text of an error, or any text, as one line for a person.

    :param longest: characters after which it is cut at a word; the whole text by default.
    """
    text = " ".join(str(said).split())
    if longest is None or len(text) <= longest:
        return text
    return f"{text[:longest].rpartition(' ')[0] or text[:longest]} ..."
