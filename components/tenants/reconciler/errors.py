"""What may go wrong, by whether another try may help."""


class InputError(Exception):
    """The records, the keys or the master key are wrong; trying again changes nothing."""


class GatewayError(Exception):
    """The gateway could not be reached, refused something, or did not settle; another try may help."""


class WriteRefusedError(GatewayError):
    """The gateway answered one write, and did not make it; of other writes nothing follows from that."""


class StoppedError(Exception):
    """The process was told to end; what is not written yet is the next one's to write."""
