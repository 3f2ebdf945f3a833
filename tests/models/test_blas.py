import threading

from threadpoolctl import threadpool_info, threadpool_limits

from penchant.models.base import FitOptions
from penchant.models.blas import blas_threads, one_thread
from penchant.models.ease import EASE
from penchant.testing.data import everyday


def threads() -> set[int]:
    return {library["num_threads"] for library in threadpool_info() if library["user_api"] == "blas"}


def test_inside_there_is_one_thread_and_afterwards_as_many_as_before() -> None:
    with threadpool_limits(limits=2, user_api="blas"):
        with one_thread():
            assert threads() == {1}
        assert threads() == {2}


def test_another_thread_leaves_the_number_alone() -> None:
    seen = []

    def request() -> None:
        with one_thread():
            seen.append(threads())

    with threadpool_limits(limits=2, user_api="blas"):
        other = threading.Thread(target=request)
        other.start()
        other.join()
        assert seen == [{2}] and threads() == {2}


def test_a_failure_inside_lifts_the_limit() -> None:
    with threadpool_limits(limits=2, user_api="blas"):
        try:
            with one_thread():
                raise KeyError
        except KeyError:
            pass
        assert threads() == {2}


def test_fit_takes_as_many_threads_as_asked_for(monkeypatch) -> None:
    seen = []
    monkeypatch.setattr(EASE, "_fit", lambda self, dataset, options: seen.append(threads()))
    with threadpool_limits(limits=2, user_api="blas"):
        EASE().fit(everyday(), FitOptions(threads=1))
        EASE().fit(everyday())
    assert seen == [{1}, {2}]


def test_none_leaves_the_threads_alone() -> None:
    before = threads()
    with blas_threads(None):
        assert threads() == before
