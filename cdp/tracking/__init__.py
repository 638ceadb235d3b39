"""Reading what SDKs send: a raw item becomes a Message or a Rejection. Pure."""
