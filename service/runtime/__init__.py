"""The ground floor: arrays in, arrays out, one onnxruntime session a model."""
