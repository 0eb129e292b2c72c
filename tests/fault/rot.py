"""What a disk does to files at rest: bits that flip, ends that are missing. Only for nodes that don't run."""
import os


def flip_bits(path, rng, count=1, begin=0):
    """Flips so many single bits, at random places from `begin` on; the places."""
    size = os.path.getsize(path)
    places = []
    with open(path, "r+b") as file:
        for _ in range(count):
            place = rng.randrange(begin, size)
            file.seek(place)
            (byte,) = file.read(1)
            file.seek(place)
            file.write(bytes((byte ^ 1 << rng.randrange(8),)))
            places.append(place)
    return places


def cut(path, length):
    """Leaves only so much of it."""
    os.truncate(path, length)
