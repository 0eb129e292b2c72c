"""Which running of a machine this is, for a host of its own: nodes ask the kernel for it, to know
whether the machine went down since they wrote. The node sees a file of ours in place of the
kernel's, in the mounts that it has for itself (ip netns exec gives it such).
"""
import os
import uuid

KERNELS = "/proc/sys/kernel/random/boot_id"
BEGIN = f'mount --bind "$0" {KERNELS} && exec "$@"'


class Boot:
    """Of one host."""

    def __init__(self, folder, name):
        self._path = os.path.join(folder, f"{name}.boot")
        self.again()

    def again(self):
        """The machine is started anew. Only while its node is down: who runs keeps the old file."""
        with open(self._path + ".new", "w", encoding="ascii") as file:
            file.write(f"{uuid.uuid4()}\n")
        os.replace(self._path + ".new", self._path)

    def prefix(self):
        """A command in front of a node's, behind that of its network."""
        return ("sh", "-c", BEGIN, self._path)
