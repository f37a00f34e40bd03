"""What the client scripts share: named checks that are run one after the other."""

import traceback

CHECKS = []


def check(function):
    """Marks a function as a check; its name says what holds."""
    CHECKS.append((function.__name__.replace("_", " "), function))
    return function


def refused(code, text, function, *args, **kwargs):
    """The call of an mlflow client fails with this error code, and its message contains the text."""
    from mlflow.exceptions import MlflowException

    try:
        function(*args, **kwargs)
    except MlflowException as error:
        assert error.error_code == code, f"{error.error_code}: {error.message}"
        assert text in error.message, f"{text!r} is not in {error.message!r}"
        return
    raise AssertionError(f"not refused: expected {code}")


def run_checks():
    """Prints `ok <what>` or `not ok <what>: <why>` for each check; the number that failed."""
    failed = 0
    for name, function in CHECKS:
        try:
            function()
            print(f"ok {name}", flush=True)
        except Exception as error:  # noqa: BLE001
            failed += 1
            print(f"not ok {name}: {type(error).__name__}: {error}", flush=True)
            traceback.print_exc()
    return failed
