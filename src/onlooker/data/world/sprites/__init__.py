"""Cut-outs and backgrounds that rendered streams are made of, see PROVENANCE.md."""
