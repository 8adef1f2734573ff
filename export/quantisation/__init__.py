"""int8: which tensors are rounded and how, measured on texts before it is written."""
