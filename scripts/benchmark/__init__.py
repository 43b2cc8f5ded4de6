"""What compiling, proving and verifying a model costs, beside other provers on the same circuit or model.

Every stage runs in a process of its own, so that its peak memory is its own; the processes of the tools alternate, so
that a busy machine is unfair to all of them alike.
"""
