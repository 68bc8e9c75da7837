#!/bin/sh
# $1: port of the tokenizer, $2: first prompt. The stand-in takes the place of ./main_axcl_aarch64.
python3 -m axm1_llm.sim \
    --template_filename_axmodel "deepseek-r1-8b/qwen2_p128_l%d_together.axmodel" \
    --axmodel_num 28 \
    --tokenizer_type 2 \
    --filename_tokenizer_model "http://localhost:$1" \
    --bos 0 --eos 0 \
    --filename_post_axmodel "deepseek-r1-8b/qwen2_post.axmodel" \
    --filename_tokens_embed "deepseek-r1-8b/model.embed_tokens.weight.bfloat16.bin" \
    --tokens_embed_num 49152 \
    --tokens_embed_size 576 \
    --use_mmap_load_embed 0 \
    --devices 0 \
    --live_print 1 \
    --continue 1 \
    --sim_tokenizer ./tokenizer.json \
    --prompt "$2"
