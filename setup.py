"""Map the top-level code folders into the one import name, xundan."""

from setuptools import find_packages, setup

FOLDERS = ("models", "training", "inference", "labeling", "examples")
centre = find_packages(where="src")
inner = find_packages(include=[*FOLDERS, *(f"{name}.*" for name in FOLDERS)])
setup(
    packages=[*centre, *(f"xundan.{name}" for name in inner)],
    package_dir={"": "src", **{f"xundan.{name}": name for name in FOLDERS}},
)
