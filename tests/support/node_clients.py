"""What tests need of npm (the Redis clients of tests/clients, the browser's driver of tests/page), installed once
into the build folder, by the exact versions and checksums of package-lock.json; nothing of theirs is run by
the installation."""
import os
import shutil
import subprocess

SOURCES = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "clients")
INSTALL_S = 180

# What each needs of Node.js.
PACKAGES = {"ioredis5": 12, "ioredis6": 20, "redis5": 18, "redis6": 20}


class Missing(Exception):
    """They can't be had here, and why."""


def node_version():
    if shutil.which("node") is None:
        raise Missing("node (Node.js) is not installed")
    text = subprocess.run(["node", "--version"], stdout=subprocess.PIPE, check=True).stdout
    return int(text.decode().lstrip("v").split(".")[0])


def install(folder, sources=SOURCES):
    """The folder with the programs and their packages."""
    locked = os.path.join(sources, "package-lock.json")
    stamp = os.path.join(folder, "installed")
    with open(locked, "rb") as file:
        wanted = file.read()
    os.makedirs(folder, exist_ok=True)
    for name in os.listdir(sources):
        if name.endswith((".js", ".mjs", ".json")):
            shutil.copy(os.path.join(sources, name), folder)
    try:
        with open(stamp, "rb") as file:
            if file.read() == wanted:
                return folder
    except FileNotFoundError:
        pass
    if shutil.which("npm") is None:
        raise Missing("npm is not installed")
    try:
        npm = subprocess.run(
            ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--prefer-offline"],
            cwd=folder, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            timeout=INSTALL_S, check=False,
        )
    except subprocess.TimeoutExpired:
        raise Missing("npm has not reached its registry in time") from None
    if npm.returncode != 0:
        raise Missing(f"npm could not install them: {npm.stdout.decode(errors='replace')[-500:]}")
    with open(stamp, "wb") as file:
        file.write(wanted)
    return folder
