"""Tests of Verdict. The folders mirror prover/ and contracts/."""
