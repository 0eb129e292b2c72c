"""Several clients at once: threads whose failures are the test's."""
import threading


def in_threads(work, arguments):
    """Runs it for each at once, waits for all; what one raised first is raised."""
    failed = []

    def guarded(argument):
        try:
            work(argument)
        except BaseException as error:  # told in the test's own thread
            failed.append(error)

    threads = [threading.Thread(target=guarded, args=(argument,)) for argument in arguments]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failed:
        raise failed[0]
