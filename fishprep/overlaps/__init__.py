"""What stands in two splits of a set, or in two sets.

`table` reads, `pictures`, `groups` and `people` find, `find` puts together, `corrected` mends, `page` shows.
"""
