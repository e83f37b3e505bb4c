"""Forward passes of encoders without padding: the same numbers as transformers' own, in a fraction of the time.

Tokens of all texts stand in one matrix (`packing`), linear layers are fused and keep their weights in the layout of
the CPU's matrix kernels (`linear`), attention runs per text (`attention`), and the last layer is computed only where it
is read. One module per architecture reads the weights out of transformers' modules; `load` decides, checks the result
against the model's own forward pass, and leaves alone what it does not know.

Texts without padding in one matrix are known from ByteDance's Effective Transformer
(https://github.com/bytedance/effective_transformer), activations and sums inside a product of matrices from oneDNN.
"""
