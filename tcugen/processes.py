"""Local processes for work side by side."""

from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context


def process_pool(count: int) -> ProcessPoolExecutor:
    """`count` processes, each started afresh.

    A fork would copy locks that threads hold at that moment: torch's own threads wait for each other there for ever.
    Hence what they are given must be importable, and a script that calls this needs `if __name__ == "__main__"`.
    """
    return ProcessPoolExecutor(count, mp_context=get_context("spawn"))
