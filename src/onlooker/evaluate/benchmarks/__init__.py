"""Public benchmarks: a reader of each one's schema, its official rule, and a clean one beside it.

Annotations and videos are the user's to fetch; each module says from where and under what licence.
Every module has

- `read(...)`: annotations in, questions out, with the entries that cannot be used listed;
- `to_official(...)`: our predictions in the form that the official script reads;
- `strict_official(...)`: what that script computes from it, its quirks included;
- `clean(...)`: the same question asked without the quirks, from our predictions.
"""
