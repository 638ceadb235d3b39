"""How large a segment will be: pure, without Django or a clock.

`shapes` says what goes in and comes out, `survival` how long members stay, `methods` the four ways to look ahead,
`backtest` which of them would have been right so far and by how much it was wrong, `report.forecast` all of it.
"""
