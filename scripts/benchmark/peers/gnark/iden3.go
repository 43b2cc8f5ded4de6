package main

import (
	"encoding/binary"
	"fmt"
	"os"

	"github.com/consensys/gnark-crypto/ecc/bn254/fr"
	"github.com/consensys/gnark/constraint"
	cs "github.com/consensys/gnark/constraint/bn254"
)

// sections splits one of iden3's binary files: magic, version, then (type, length, content) of each section.
func sections(path, magic string) (map[uint32][]byte, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	if len(data) < 12 || string(data[:4]) != magic {
		return nil, fmt.Errorf("%s is no %s file", path, magic)
	}
	count, rest := binary.LittleEndian.Uint32(data[8:]), data[12:]
	found := make(map[uint32][]byte, count)
	for ; count > 0; count-- {
		if len(rest) < 12 {
			return nil, fmt.Errorf("%s is truncated", path)
		}
		kind, length := binary.LittleEndian.Uint32(rest), binary.LittleEndian.Uint64(rest[4:])
		rest = rest[12:]
		if length > uint64(len(rest)) {
			return nil, fmt.Errorf("%s is truncated", path)
		}
		found[kind], rest = rest[:length], rest[length:]
	}
	return found, nil
}

// readCircuit builds gnark's system from a .r1cs file and returns it with its number of public wires.
func readCircuit(path string) (*cs.R1CS, int, error) {
	found, err := sections(path, "r1cs")
	if err != nil {
		return nil, 0, err
	}
	header, rows := found[1], found[2]
	if len(header) < 64 || binary.LittleEndian.Uint32(header) != fr.Bytes {
		return nil, 0, fmt.Errorf("%s is not over a 254-bit field", path)
	}
	word := func(offset int) int { return int(binary.LittleEndian.Uint32(header[offset:])) }
	wires, public, count := word(36), word(40)+word(44), word(60)
	system, blueprint := newSystem(wires, public, count)
	for ; count > 0; count-- {
		var row constraint.R1C
		row.L, rows = readForm(system, rows)
		row.R, rows = readForm(system, rows)
		row.O, rows = readForm(system, rows)
		system.AddR1C(row, blueprint)
	}
	return system, public, nil
}

// readForm reads one linear combination and returns it with what follows it.
func readForm(system *cs.R1CS, data []byte) (constraint.LinearExpression, []byte) {
	form := make(constraint.LinearExpression, binary.LittleEndian.Uint32(data))
	data = data[4:]
	for i := range form {
		wire := int(binary.LittleEndian.Uint32(data))
		coefficient := littleEndian(data[4 : 4+fr.Bytes])
		form[i] = system.MakeTerm(system.FromInterface(coefficient), wire)
		data = data[4+fr.Bytes:]
	}
	return form, data
}

// readWitness reads the values of all wires from a .wtns file.
func readWitness(path string) ([]fr.Element, error) {
	found, err := sections(path, "wtns")
	if err != nil {
		return nil, err
	}
	data := found[2]
	values := make([]fr.Element, len(data)/fr.Bytes)
	for i := range values {
		values[i] = littleEndian(data[i*fr.Bytes : (i+1)*fr.Bytes])
	}
	return values, nil
}

func littleEndian(data []byte) fr.Element {
	element, err := fr.LittleEndian.Element((*[fr.Bytes]byte)(data))
	if err != nil {
		panic("a value is not below the field's order")
	}
	return element
}
