"""The methods of the paper's Table I trained from the same shards under one budget, measured on the same faces, side by side.

`compare` (`run`) is the one entry point. `budget`: what each may spend; `contestants`: who takes part; `recipes`: how they are trained;
`plan` puts these together; `shared`: the networks that several need; `trained`: what came of each training; `measures`: columns of
numbers per face; `intervals`: figures of them; `scores`: where it stands; `rows`, `paper`, `conclusion`, `frontier`, `gallery` and `page`:
what people look at.
"""
