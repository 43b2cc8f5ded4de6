// Command gnark proves an iden3 constraint system and witness with gnark's Groth16, for comparison.
//
//	gnark setup CIRCUIT.r1cs PROVING.key VERIFYING.key
//	gnark prove CIRCUIT.r1cs WITNESS.wtns PROVING.key VERIFYING.key REPEATS
//
// Both print one JSON object with times in seconds and sizes in bytes. The constraints are handed to gnark row by row,
// below its frontend, so that it proves exactly the same system: no row or wire is added or removed.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strconv"
	"syscall"
	"time"

	"github.com/consensys/gnark-crypto/ecc"
	"github.com/consensys/gnark-crypto/ecc/bn254/fr"
	"github.com/consensys/gnark/backend/groth16"
	"github.com/consensys/gnark/backend/witness"
	"github.com/consensys/gnark/constraint"
	cs "github.com/consensys/gnark/constraint/bn254"
	"github.com/consensys/gnark/logger"
)

func main() {
	logger.Disable()
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "gnark:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	var result map[string]any
	var err error
	switch {
	case len(args) == 4 && args[0] == "setup":
		result, err = setup(args[1], args[2], args[3])
	case len(args) == 6 && args[0] == "prove":
		var repeats int
		if repeats, err = strconv.Atoi(args[5]); err == nil {
			result, err = prove(args[1], args[2], args[3], args[4], repeats)
		}
	default:
		err = fmt.Errorf("want: setup R1CS PK VK | prove R1CS WTNS PK VK REPEATS")
	}
	if err != nil {
		return err
	}
	return json.NewEncoder(os.Stdout).Encode(result)
}

func setup(circuitPath, provingPath, verifyingPath string) (map[string]any, error) {
	circuit, _, err := readCircuit(circuitPath)
	if err != nil {
		return nil, err
	}
	start := time.Now()
	provingKey, verifyingKey, err := groth16.Setup(circuit)
	if err != nil {
		return nil, err
	}
	seconds := time.Since(start).Seconds()
	provingSize, err := write(provingPath, provingKey)
	if err != nil {
		return nil, err
	}
	verifyingSize, err := write(verifyingPath, verifyingKey)
	if err != nil {
		return nil, err
	}
	return map[string]any{
		"setup": seconds, "constraints": circuit.GetNbConstraints(),
		"proving_key": provingSize, "verifying_key": verifyingSize,
	}, nil
}

func prove(circuitPath, witnessPath, provingPath, verifyingPath string, repeats int) (map[string]any, error) {
	circuit, public, err := readCircuit(circuitPath)
	if err != nil {
		return nil, err
	}
	values, err := readWitness(witnessPath)
	if err != nil {
		return nil, err
	}
	full, err := assign(values, public)
	if err != nil {
		return nil, err
	}
	provingKey, verifyingKey := groth16.NewProvingKey(ecc.BN254), groth16.NewVerifyingKey(ecc.BN254)
	if err := read(provingPath, provingKey); err != nil {
		return nil, err
	}
	if err := read(verifyingPath, verifyingKey); err != nil {
		return nil, err
	}
	times, cpu := make([]float64, repeats), make([]float64, repeats)
	var proof groth16.Proof
	for i := range times {
		start, used := time.Now(), cpuSeconds()
		if proof, err = groth16.Prove(circuit, provingKey, full); err != nil {
			return nil, err
		}
		times[i], cpu[i] = time.Since(start).Seconds(), cpuSeconds()-used
	}
	publicWitness, err := full.Public()
	if err != nil {
		return nil, err
	}
	start := time.Now()
	if err := groth16.Verify(proof, verifyingKey, publicWitness); err != nil {
		return nil, err
	}
	verified := time.Since(start).Seconds()
	size, err := proof.WriteRawTo(io.Discard)
	if err != nil {
		return nil, err
	}
	return map[string]any{"groth16": times, "groth16_cpu": cpu, "verify": verified, "proof": size}, nil
}

// cpuSeconds is the CPU time of this process so far, over all threads.
func cpuSeconds() float64 {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		panic(err)
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano()).Seconds()
}

// assign splits the wires 1..n (0 is the constant one) into gnark's public and secret values.
func assign(values []fr.Element, public int) (witness.Witness, error) {
	full, err := witness.New(ecc.BN254.ScalarField())
	if err != nil {
		return nil, err
	}
	channel := make(chan any)
	go func() {
		defer close(channel)
		for _, value := range values[1:] {
			channel <- value
		}
	}()
	return full, full.Fill(public, len(values)-1-public, channel)
}

// newSystem allocates the wires; gnark numbers them in the order they are added, as iden3 does.
func newSystem(wires, public, rows int) (*cs.R1CS, constraint.BlueprintID) {
	system := cs.NewR1CS(rows)
	system.AddPublicVariable("1")
	for wire := 1; wire < wires; wire++ {
		if wire <= public {
			system.AddPublicVariable(strconv.Itoa(wire))
		} else {
			system.AddSecretVariable(strconv.Itoa(wire))
		}
	}
	return system, system.AddBlueprint(&constraint.BlueprintGenericR1C{})
}

func write(path string, key io.WriterTo) (int64, error) {
	file, err := os.Create(path)
	if err != nil {
		return 0, err
	}
	defer file.Close()
	buffered := bufio.NewWriter(file)
	if raw, ok := key.(interface {
		WriteRawTo(io.Writer) (int64, error)
	}); ok {
		if _, err := raw.WriteRawTo(buffered); err != nil {
			return 0, err
		}
	} else if _, err := key.WriteTo(buffered); err != nil {
		return 0, err
	}
	if err := buffered.Flush(); err != nil {
		return 0, err
	}
	information, err := file.Stat()
	if err != nil {
		return 0, err
	}
	return information.Size(), nil
}

func read(path string, key interface {
	UnsafeReadFrom(io.Reader) (int64, error)
}) error {
	file, err := os.Open(path)
	if err != nil {
		return err
	}
	defer file.Close()
	_, err = key.UnsafeReadFrom(bufio.NewReader(file))
	return err
}
