"""What surfaces do with Pipedrive, by noun: connecting, mapping, runs, duplicates, previews, webhooks."""
