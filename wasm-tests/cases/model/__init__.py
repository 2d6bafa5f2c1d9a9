"""The contract once more, in plain Python: it judges the cases, so that no recipe is wrong alone.

It shares no code with the verifier under test, and of `lib` only the curve and the SDK's normaliser.
"""
