"""What people define, read and checked: pure, without database or clock."""
