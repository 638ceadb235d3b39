"""The analytics engine past one machine: everything in ClickHouse, one SQL file per question."""
