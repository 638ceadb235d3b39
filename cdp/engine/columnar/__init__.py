"""An embedded columnar engine: immutable Arrow files, a manifest, compiled kernels."""
