"""How good the events are that automation relies on: the statistics behind the trust layer's signals. Pure."""
