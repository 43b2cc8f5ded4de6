// Hashes of circomlibjs, for test_poseidon.py.
// Standard input: JSON [{"inputs": [decimal, ...], "initialState": decimal}, ...]; output: JSON [decimal, ...].
// Argument: path of the circomlibjs package.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";

const { buildPoseidonOpt } = createRequire(import.meta.url)(process.argv[2]);
const poseidon = await buildPoseidonOpt();
const cases = JSON.parse(readFileSync(0, "utf8"));
const hashes = cases.map(({ inputs, initialState }) => {
  const field = inputs.map((input) => poseidon.F.e(input));
  return poseidon.F.toObject(poseidon(field, poseidon.F.e(initialState))).toString();
});
process.stdout.write(JSON.stringify(hashes), () => process.exit(0)); // its curve's worker threads never end
