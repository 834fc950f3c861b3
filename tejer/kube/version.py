"""The project's version, once: the wheel's metadata and the tag of our images are read from here."""

VERSION = "0.1.0"
