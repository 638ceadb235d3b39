ALTER TABLE $table DROP PARTITION ($workspace, $edition)
