"""Pages of saved views and exports."""
