"""What stands in two splits of a set, or in two sets: `table` reads, `pictures` and `groups` find, `corrected` mends, `page` shows."""
