"""The networks that a parser may be: their definitions, and how the weights of a file become one."""
