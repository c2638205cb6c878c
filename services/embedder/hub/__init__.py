"""Encoders of the Hugging Face hub: by name, or from a local folder in its format.

`places` finds the folder, `folder` reads its files, `preprocessing` and `phrases` say how images and words are fed to the model,
`reading` makes the encoder, and `timm_models` that of a model of timm.
"""
