"""One process that runs the whole of Stratum on one machine: `manage.py up`."""
