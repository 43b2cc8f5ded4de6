// One snarkjs run in a process of its own: snarkjs_job.cjs SNARKJS_FOLDER KEY.zkey WITNESS.wtns VK.json REPEATS
// Prints one JSON object: times in seconds, sizes in bytes.
const fs = require("fs");
const [folder, key, witness, verifyingKey, repeats] = process.argv.slice(2);
const snarkjs = require(folder);

async function main() {
  const result = { groth16: [], groth16_cpu: [] };
  let last;
  for (let i = 0; i < Number(repeats); i++) {
    const used = process.cpuUsage();
    const start = performance.now();
    last = await snarkjs.groth16.prove(key, witness);
    result.groth16.push((performance.now() - start) / 1000);
    const { user, system } = process.cpuUsage(used);
    result.groth16_cpu.push((user + system) / 1e6);
  }
  const start = performance.now();
  const accepted = await snarkjs.groth16.verify(JSON.parse(fs.readFileSync(verifyingKey)), last.publicSignals, last.proof);
  if (!accepted) throw new Error("snarkjs refuses its own proof");
  result.verify = (performance.now() - start) / 1000;
  result.proof = 256;
  console.log(JSON.stringify(result));
  process.exit(0); // snarkjs's worker threads would keep it alive
}

main().catch((error) => {
  console.error(String(error));
  process.exit(1);
});
