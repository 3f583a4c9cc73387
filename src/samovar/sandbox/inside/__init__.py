"""What runs on the far side of the server: the keeper, the zygotes and the steps that lock a box.

Rules: the standard library only, nothing of the rest of Samovar, and Python 3.8 syntax, since zygotes run on the
function's own interpreter.
"""
