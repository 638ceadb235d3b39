"""Everything that can go wrong while an ad platform is changed: `python -m benchmarks.autopilot_faults`."""
