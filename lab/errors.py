"""The one way in which the lab refuses or gives up."""


class LabError(Exception):
    """A fault for the person at the terminal: what is wrong, what follows, and what to do instead.

    The text is shown as it is, without a traceback, so it must stand on its own.
    """


class LabEnvironmentError(LabError):
    """The machine cannot carry the lab as it stands (no root, no Go, a full disk, an address taken).

    Nothing has been changed when this is raised.
    """
