"""A stand-in for the vendor executable ``main_axcl_aarch64``: same flags, same bytes, same faults, no card.

A run script starts it where it would start the executable::

    exec python -m axm1_llm.sim --axmodel_num 28 --filename_tokenizer_model "http://localhost:$1" \
        --live_print 1 --continue 1 --prompt "$2" --sim_vocab bytes

It shares no code with the rest of the package, so that a mistake made there cannot hide itself here.
"""
