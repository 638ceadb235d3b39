"""The judge and its book: signal health, the gate, the audit log."""
