"""Decision trees before they are steps.

Which feature a test reads and where it cuts; trees as reduced graphs over the parts of a feature's values that no test
tells apart; how far onnxruntime's float32 sums may be from the exact ones, and thresholds decided all the same.
"""
