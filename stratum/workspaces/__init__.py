"""Who, with which right, up to which limit."""
