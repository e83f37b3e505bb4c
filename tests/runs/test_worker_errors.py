"""An error of a Ray worker arrives as the nearest error of ours, with its message and fields; needs no Ray."""

import inspect

import pytest

from swaprank import errors
from swaprank.backends._common import models
from swaprank.backends.http import failures
from swaprank.errors import SwaprankError
from swaprank.runs import distributed

# Errors that backends add to the tree; they import nothing heavy.
assert models
assert failures


def subclasses(kind: type) -> list[type]:
    return [kind, *(below for child in kind.__subclasses__() for below in subclasses(child))]


@pytest.mark.parametrize("kind", subclasses(SwaprankError), ids=lambda kind: kind.__name__)
def test_every_error_travels(kind) -> None:
    failure = kind.__new__(kind)
    known = next(one for one in kind.__mro__ if one.__module__ == errors.__name__)
    known.__init__(failure, "The model said Ünsinn.", hint="Try again.")
    vars(failure).update(
        {"retryable": True, "tries": 3} if issubclass(kind, errors.BackendError) else {}, extra=object()
    )
    arrived = distributed._rebuilt(distributed._report(failure))
    assert type(arrived) is known
    assert str(arrived) == str(failure) == "The model said Ünsinn. Try again."
    fields = {key: value for key, value in vars(failure).items() if key != "extra"}
    assert vars(arrived) == fields
    assert arrived.hint == "Try again."


def test_the_errors_of_backends_are_among_them() -> None:
    names = {kind.__name__ for kind in subclasses(SwaprankError)}
    public = {
        kind.__name__ for _, kind in inspect.getmembers(errors, inspect.isclass) if issubclass(kind, SwaprankError)
    }
    assert names - public
