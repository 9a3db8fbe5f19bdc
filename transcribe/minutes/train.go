package minutes

import (
	"context"
	"fmt"
	"io"
	"math"
)

// example is one line to learn from.
type example struct {
	features []uint32
	yes      bool
	weight   float64
	fold     int
}

// How the regression is trained. Chosen by cross-validation on the development data, coarsely: half or
// double of each changes little. Averages over passes and over several orders of the examples are
// steadier than any one of them.
const (
	passes       = 8
	committee    = 4 // orders
	learningRate = 0.05
	ridge        = 2e-6 // pull of every touched weight towards 0
	largest      = 127
)

// Train learns the weights from the labelled meetings in dir and returns the model file. Progress and
// the results of the cross-validation go to log; visit, if not nil, is given each development meeting
// with what a model that has not seen it finds there. The result is the same to the bit in every run.
func Train(ctx context.Context, dir string, log io.Writer, visit func(set string, f *Heldout) error) ([]byte, error) {
	l, err := newLexicon()
	if err != nil {
		return nil, err
	}
	meetings, err := readLabelled(l, dir)
	if err != nil {
		return nil, err
	}
	var examples []example
	for i := range meetings {
		examples = append(examples, meetings[i].examples()...)
	}
	fmt.Fprintf(log, "%d meetings, %d lines\n", len(meetings), len(examples))
	models := make([]*model, folds)
	for fold := range models {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		models[fold] = fit(examples, fold)
		fmt.Fprintf(log, "fold %d of %d trained\n", fold+1, folds)
	}
	tune(meetings, models, log)
	if err := crossValidate(meetings, models, log, visit); err != nil {
		return nil, err
	}
	final := fit(examples, -1)
	final.short, final.long = models[0].short.scaled(models[0], final), models[0].long.scaled(models[0], final)
	return final.format(), nil
}

// examples lists the lines of a meeting that teach something. Of an utterance with several sentences
// that establishes an item, the one the rules like best is the item; the others teach nothing.
func (m *labelled) examples() []example {
	k := m.talk
	set := trainingSets()[m.set]
	best := m.bestLines()
	f := newFeatureSet()
	var all []example
	for i := range k.lines {
		yes, neutral := false, false
		for _, t := range k.lines[i].tokens {
			if m.positive[t.utt] {
				yes = true
			}
			neutral = neutral || m.neutral[t.utt]
		}
		if yes && !best[i] || !yes && neutral {
			continue
		}
		k.features(i, f, true)
		e := example{features: append([]uint32(nil), f.list...), yes: yes, weight: set.no, fold: m.fold}
		if yes {
			e.weight = set.yes
		}
		all = append(all, e)
		if set.wordless > 0 {
			k.features(i, f, false)
			all = append(all, example{append([]uint32(nil), f.list...), yes, e.weight * set.wordless, m.fold})
		}
	}
	return all
}

// strongest is the score of a line's best claim; below any threshold where it has none.
func (k *talk) strongest(index int) float64 {
	score := -9.0
	for _, c := range k.claims(index) {
		score = max(score, c.score)
	}
	return score
}

// bestLines are, for each positive utterance, the line of it with the strongest claim.
func (m *labelled) bestLines() map[int]bool {
	type choice struct {
		line  int
		score float64
	}
	of := map[int]choice{}
	for i := range m.talk.lines {
		score := m.talk.strongest(i)
		for _, t := range m.talk.lines[i].tokens {
			if !m.positive[t.utt] {
				continue
			}
			if old, ok := of[t.utt]; !ok || score > old.score {
				of[t.utt] = choice{i, score}
			}
		}
	}
	best := map[int]bool{}
	for _, c := range of {
		best[c.line] = true
	}
	return best
}

// fit trains on all examples but those of one fold, by gradient descent with a rate per weight
// (AdaGrad: Duchi, Hazan, Singer 2011), and rounds the weights to bytes.
func fit(examples []example, without int) *model {
	order := make([]int32, 0, len(examples))
	for i := range examples {
		if examples[i].fold != without {
			order = append(order, int32(i))
		}
	}
	total := make([]float64, modelSize)
	random := uint64(0x9e3779b97f4a7c15)
	for range committee {
		weights := make([]float64, modelSize)
		squares := make([]float64, modelSize)
		for range passes {
			random = shuffle(order, random)
			for _, i := range order {
				step(&examples[i], weights, squares)
			}
			for i, w := range weights {
				total[i] += w
			}
		}
	}
	for i := range total {
		total[i] /= committee * passes
	}
	return round(total)
}

// shuffle is that of Fisher and Yates over xorshift (Marsaglia 2003): a generator that never changes.
func shuffle(order []int32, random uint64) uint64 {
	for i := len(order) - 1; i > 0; i-- {
		random ^= random << 13
		random ^= random >> 7
		random ^= random << 17
		j := int(random % uint64(i+1))
		order[i], order[j] = order[j], order[i]
	}
	return random
}

// step learns from one example. The conversions to float64 keep compilers from fusing a multiplication
// with an addition, which would round differently from machine to machine (Go specification,
// "Floating-point operators").
func step(e *example, weights, squares []float64) {
	sum := 0.0
	for _, f := range e.features {
		sum += weights[f]
	}
	gradient := logistic(sum)
	if e.yes {
		gradient -= 1
	}
	gradient = float64(gradient * e.weight)
	if gradient < 1e-6 && gradient > -1e-6 {
		return
	}
	for _, f := range e.features {
		g := gradient + float64(ridge*weights[f])
		squares[f] += float64(g * g)
		weights[f] -= float64(learningRate * g / math.Sqrt(squares[f]+1e-4))
	}
}

// logistic is 1/(1+e^-x), with an exponential of its own: the library's differs between machines.
func logistic(x float64) float64 {
	x = max(min(x, 30), -30)
	y := float64(-x / 1024) // e^-x = (e^(-x/1024))^1024, the inner one by its series
	e := 1 + y + float64(y*y/2) + float64(float64(y*y)*y/6) + float64(float64(y*y)*float64(y*y)/24)
	for range 10 {
		e = float64(e * e)
	}
	return 1 / (1 + e)
}

// round makes bytes of weights: the largest becomes 127.
func round(weights []float64) *model {
	most := 1e-9
	for _, w := range weights {
		most = max(most, math.Abs(w))
	}
	m := &model{weights: make([]int8, modelSize), scale: int32(largest / most)}
	m.scale = max(m.scale, 1)
	for i, w := range weights {
		m.weights[i] = int8(max(min(math.Round(float64(w*float64(m.scale))), largest), -largest))
	}
	return m
}
