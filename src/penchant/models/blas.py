"""How many threads the linear algebra libraries of numpy and scipy take. It is a property of the process, not of a thread."""

import threading
from contextlib import AbstractContextManager, nullcontext
from functools import cache

from threadpoolctl import ThreadpoolController


def blas_threads(count: int | None) -> AbstractContextManager[object]:
    """Inside: at most `count` threads in the libraries loaded so far; None = as they are.

    Only the process's main thread can say so: OpenBLAS 0.3.31 ignores the others, and so does this function.
    """
    if count is None or threading.current_thread() is not threading.main_thread():
        return nullcontext()
    limit: AbstractContextManager[object] = _libraries().limit(limits=count, user_api="blas")
    return limit


def one_thread() -> AbstractContextManager[object]:
    """Inside: matrix products and solves take one thread; cheap enough for every request.

    For many small matrices a second thread gains nothing, and where the cores are busy it costs a great deal, since the threads
    wait for each other at every step: ALS on ml-1m under a load of 6 took 107 s with two and 6 s with one.
    """
    return blas_threads(1)


@cache
def _libraries() -> ThreadpoolController:
    """Those of numpy and scipy; looking for them takes milliseconds, so once is enough."""
    import scipy.linalg  # noqa: F401  (loads the library to look for)

    return ThreadpoolController()
