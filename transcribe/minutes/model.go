package minutes

import (
	_ "embed"
	"encoding/binary"
	"fmt"
)

// modelBits is the size of the model: 2^18 weights of a byte each.
const (
	modelBits = 18
	modelSize = 1 << modelBits
)

// modelFile is made by Train; its first bytes are described at parseModel.
//
//go:embed weights/items.bin
var modelFile []byte

// model is a logistic regression over hashed features. The sum of a line's weights is a whole number,
// so that it is the same on every machine, whatever its floating point does.
type model struct {
	weights []int8
	scale   int32 // what one unit of log-odds is in weights
	short   tiers // of short meetings
	long    tiers // of long ones, where work is rarer
}

// tiers are the sums from which on an item is proposed and suggested.
type tiers struct {
	proposed, suggested int32
}

const modelMagic = "parley minutes 1"

// modelHead is the length of the header: the magic, then scale, and proposed and suggested
// for short and long meetings, as little-endian 32-bit numbers.
const modelHead = len(modelMagic) + 5*4

// parseModel reads the form that format writes.
func parseModel(data []byte) (*model, error) {
	if len(data) != modelHead+modelSize || string(data[:len(modelMagic)]) != modelMagic {
		return nil, fmt.Errorf("weights of %d bytes are not those of this program", len(data))
	}
	number := func(i int) int32 {
		return int32(binary.LittleEndian.Uint32(data[len(modelMagic)+4*i:]))
	}
	m := &model{scale: number(0), weights: make([]int8, modelSize)}
	m.short, m.long = tiers{number(1), number(2)}, tiers{number(3), number(4)}
	for i, b := range data[modelHead:] {
		m.weights[i] = int8(b)
	}
	if m.scale <= 0 {
		return nil, fmt.Errorf("weights with scale %d", m.scale)
	}
	return m, nil
}

// format is the file form of a model.
func (m *model) format() []byte {
	data := []byte(modelMagic)
	for _, n := range [...]int32{m.scale, m.short.proposed, m.short.suggested, m.long.proposed, m.long.suggested} {
		data = binary.LittleEndian.AppendUint32(data, uint32(n))
	}
	for _, w := range m.weights {
		data = append(data, byte(w))
	}
	return data
}

// sum adds the weights of a line's features.
func (m *model) sum(features []uint32) int32 {
	total := int32(0)
	for _, f := range features {
		total += int32(m.weights[f])
	}
	return total
}
