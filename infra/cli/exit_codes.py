"""What the exit code of every command means."""

SOUND = 0
"""The stack is sound, or the command did what it was asked."""
UNSOUND = 1
"""A control that the facts require is missing, or cannot hold."""
INVALID = 2
"""The stack file or the command line is invalid; nothing was judged and nothing was changed."""
FAILED = 3
"""The command could not do its work: an unreachable cluster, a full disk, or a bug, which shows its traceback."""
INTERRUPTED = 130
"""Ended by Ctrl-C; shells write 128 + the signal's number, 2."""
PIPE_CLOSED = 141
"""Whoever read the output stopped reading; 128 + SIGPIPE's number, 13."""
